import type { Body } from "../wire/frames.ts";
import { randomId } from "../wire/random-id.ts";
import type { Page, PageRequest, Position, Retention } from "./broker.ts";
import type { Call } from "./nats-call.ts";
import { type Label, kindOf, type Stored, toBody, toData, toEpoch, toToken } from "./nats-format.ts";
import { Recent } from "./nats-lanes.ts";
import { type NatsLink, unavailable } from "./nats-link.ts";
import type { Log } from "./nats-log.ts";
import { type NatsStreams, WINDOW } from "./nats-streams.ts";

/** Of how many channels a node remembers where they stand: 10,000. */
const MOST_TAILS = 10_000;

/** Where a channel's past ends. */
interface Tail {
  readonly log: Log;
  readonly retention: Retention;
  /** The last message, or the name of the epoch that begins; without it there is neither. */
  readonly last: Stored | undefined;
}

/**
 * The past of channels: a stream for each retention, with a subject for each channel. A message says its own number, and is
 * stored only where the one before it is still the last: so numbers have no hole. Where there is none before it, there may be
 * an epoch's name, which is stored like a message and is the first to be forgotten.
 */
export class NatsPast {
  readonly #link: NatsLink;
  readonly #streams: NatsStreams;
  readonly #prefix: string;
  readonly #tails = new Recent<Tail>(MOST_TAILS);

  constructor(link: NatsLink, streams: NatsStreams, prefix: string) {
    this.#link = link;
    this.#streams = streams;
    this.#prefix = prefix;
  }

  #open(channel: string, { size, ttl }: Retention, last?: Stored): Tail {
    const subjects = [`${this.#prefix}.h.${size}-${ttl}.*`];
    const live = `${this.#prefix}.l.{{wildcard(1)}}`;
    const stream = { name: `${this.#prefix}_h_${size}_${ttl}`, subjects, size, ttl, storage: "file", live } as const;
    const log = { stream, subject: `${this.#prefix}.h.${size}-${ttl}.${toToken(channel)}` };
    return { log, retention: { size, ttl }, last };
  }

  /** Where a channel stands, whatever its retention: the first of the streams, by name, that has a message of it, or a name. */
  async #find(call: Call, channel: string): Promise<Tail | undefined> {
    const names = await this.#streams.names(call, `${this.#prefix}.h.*.${toToken(channel)}`);
    const tails = names.toSorted().map(async (name) => {
      const [, size, ttl] = /_h_(\d+)_(\d+)$/.exec(name) ?? [];
      const tail = this.#open(channel, { size: Number(size), ttl: Number(ttl) });
      if (tail.log.stream.name !== name) return undefined;
      const last = await this.#streams.last(call, tail.log);
      return last && { ...tail, last };
    });
    const found = (await Promise.all(tails)).filter((tail) => tail !== undefined);
    return found.find(({ last }) => last.number > 0) ?? found[0];
  }

  /** Somebody has published: the next message stands behind it. */
  heard(channel: string, { number, epoch, kind }: Label, stream: string | undefined, seq: number): void {
    const tail = this.#tails.get(channel);
    if (tail === undefined) return;
    if (stream !== tail.log.stream.name) this.#tails.delete(channel);
    else if (seq > (tail.last?.seq ?? 0)) {
      const name = kind === "e" ? toEpoch(epoch, seq) : epoch;
      this.#tails.set(channel, { ...tail, last: { number, epoch: name, kind, seq, data: new Uint8Array() } });
    }
  }

  /** Stores a message; those of one channel one after another. */
  async publish(call: Call, channel: string, body: Body, retention: Retention): Promise<Position> {
    const { clock } = this.#link;
    const [id, data, kind, begun, fresh] = [randomId(), toData(body), kindOf(body), clock.now(), randomId()];
    let tail = this.#tails.get(channel);
    for (;;) {
      tail ??= (await this.#find(call, channel)) ?? this.#open(channel, retention);
      const { log, last } = tail;
      const label = { kind, number: (last?.number ?? 0) + 1, epoch: last?.epoch ?? fresh };
      // Where the outcome is not known, another try must not be taken for the first.
      this.#tails.delete(channel);
      const { seq, unsure } = await this.#streams.append(call, log, { label, data, expected: last?.seq ?? 0, id });
      if (seq !== undefined) {
        this.#tails.set(channel, { ...tail, last: { ...label, seq, data: new Uint8Array() } });
        return { offset: label.number, epoch: label.epoch };
      }
      const now = await this.#streams.last(call, log);
      // Its id may be forgotten by now, and with it that it was stored.
      const late = clock.now() - begun >= Math.min(WINDOW, tail.retention.ttl);
      if (unsure && (late || now?.epoch !== label.epoch || now.number - label.number >= tail.retention.size)) {
        throw unavailable("Whether NATS has stored the message is not known");
      }
      tail = now && { ...tail, last: now };
    }
  }

  /** Names the epoch of a channel of which nothing is known, unless another does, or publishes. */
  async #name(call: Call, channel: string, retention: Retention): Promise<Tail> {
    const tail = this.#open(channel, retention);
    const [id, label] = [randomId(), { kind: "e", number: 0, epoch: randomId() } as const];
    for (;;) {
      const { seq } = await this.#streams.append(call, tail.log, { label, expected: 0, id });
      if (seq !== undefined) {
        return { ...tail, last: { ...label, epoch: toEpoch(label.epoch, seq), seq, data: new Uint8Array() } };
      }
      const last = await this.#streams.last(call, tail.log);
      if (last) return { ...tail, last };
    }
  }

  /** See {@linkcode Broker.read}. */
  async read(call: Call, channel: string, { after, limit, retention }: PageRequest): Promise<Page> {
    const tail = (await this.#find(call, channel)) ?? (retention && (await this.#name(call, channel, retention)));
    if (!tail?.last) return { messages: [], to: 0, position: { offset: 0, epoch: "" } };
    const { log, last } = tail;
    const position = { offset: last.number, epoch: last.epoch };
    const first = Math.max(1, after === undefined ? last.number - limit + 1 : after + 1);
    const count = Math.min(limit, last.number - first + 1);
    if (count <= 0) return { messages: [], to: last.number, position };
    // The name of the epoch may stand before the first message.
    const most = first === 1 ? count + 1 : count;
    const found =
      first === last.number
        ? [last]
        : await this.#streams.collect(call, log, await this.#seek(call, log, first, last), most, last.seq);
    const run = lastRun(
      found.filter(({ number, epoch }) => epoch === last.epoch && number >= first && number <= last.number),
    ).slice(0, count);
    return {
      messages: run.map((stored) => toBody(stored, stored.data)),
      to: run.at(-1)?.number ?? last.number,
      position,
    };
  }

  /** Where in the stream a message with such an offset stands, or the first behind it: the sequence is searched for it. */
  async #seek(call: Call, log: Log, offset: number, last: Stored): Promise<number> {
    if (offset === 1) return 1;
    const oldest = await this.#streams.next(call, log, 1);
    if (oldest === undefined || oldest.number >= offset) return 1;
    let [low, high] = [oldest, { seq: last.seq, number: last.number }];
    for (let even = true; low.number + 1 < offset && low.seq + 1 < high.seq; even = !even) {
      // Guessed as if messages came evenly, and halved every other time, as they need not.
      const share = even ? (offset - low.number) / (high.number - low.number) : 0.5;
      const guess = Math.min(high.seq - 1, low.seq + Math.max(1, Math.floor((high.seq - low.seq) * share)));
      const there = await this.#streams.next(call, log, guess);
      if (there?.number === offset) return there.seq;
      if (there && there.number < offset) low = there;
      else high = { seq: guess, number: there?.number ?? high.number };
    }
    return low.seq + 1;
  }
}

/** What was forgotten while it was read leaves a hole: what stands before that is forgotten as well. */
function lastRun(messages: readonly Stored[]): readonly Stored[] {
  let first = messages.length - 1;
  while (first > 0 && messages[first - 1]!.number === messages[first]!.number - 1) first--;
  return messages.slice(Math.max(0, first));
}
