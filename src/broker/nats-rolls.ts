import { randomId } from "../wire/random-id.ts";
import type { Entry } from "./broker.ts";
import type { Call } from "./nats-call.ts";
import { readChange, type Stored, toToken, writeChange } from "./nats-format.ts";
import { Recent } from "./nats-lanes.ts";
import type { Log, StreamConfig } from "./nats-log.ts";
import type { NatsStreams } from "./nats-streams.ts";

/** Of how many channels a node remembers where their rolls stand: 10,000. */
const MOST_TAILS = 10_000;

/** Where a roll stands. */
interface Tail {
  readonly seq: number;
  readonly version: number;
}

/** What is told of somebody, and where. */
export interface Told {
  readonly state: string;
  readonly seq: number;
}

/** All that is kept of a roll. */
interface RollLog {
  readonly entries: readonly Entry[];
  readonly version: number;
  readonly messages: readonly (Stored & {
    readonly node: string;
    readonly key: string;
    readonly state: string | undefined;
  })[];
}

/**
 * Who is in a channel: a subject for each, whose messages are the changes, numbered without a hole, each stored only behind
 * the last one. The roll is what they come to. What is superseded is removed, oldest first, so that no reader is misled:
 * - a change, once a later one of the same node and key is stored;
 * - that somebody has left, once nothing older of theirs is there, all that read before have done so, and it is not last.
 */
export class NatsRolls {
  readonly #streams: NatsStreams;
  readonly #stream: StreamConfig;
  readonly #prefix: string;
  readonly #tails = new Recent<Tail>(MOST_TAILS);
  /** Where this node's last change stands. */
  #most = 0;

  constructor(streams: NatsStreams, prefix: string) {
    this.#streams = streams;
    this.#prefix = prefix;
    this.#stream = {
      name: `${prefix}_rolls`,
      subjects: [`${prefix}.r.*`],
      storage: "memory",
      live: `${prefix}.l.{{wildcard(1)}}`,
    };
  }

  #log(token: string): Log {
    return { stream: this.#stream, subject: `${this.#prefix}.r.${token}` };
  }

  /** Somebody has told of a change. */
  heard(channel: string, version: number, seq: number): void {
    const token = toToken(channel);
    const tail = this.#tails.get(token);
    if (tail && seq > tail.seq) this.#tails.set(token, { seq, version });
  }

  /** Where a roll stands. One that begins does so behind all that there was, so that no version comes twice. */
  async #tail(call: Call, token: string): Promise<Tail> {
    const last = await this.#streams.last(call, this.#log(token));
    if (last) return { seq: last.seq, version: last.number };
    const { last: version } = await this.#streams.subjects(call, this.#stream.name, this.#log(token).subject);
    return { seq: 0, version };
  }

  /**
   * Tells a change.
   *
   * @param token the channel, as a token
   * @returns where it stands in the stream
   */
  async change(call: Call, token: string, node: string, key: string, state: string | undefined): Promise<number> {
    const [id, data] = [randomId(), writeChange(node, key, state)];
    let tail = this.#tails.get(token) ?? (await this.#tail(call, token));
    for (;;) {
      const version = tail.version + 1;
      const label = { kind: "c", number: version, epoch: "" } as const;
      const { seq } = await this.#streams.append(call, this.#log(token), { label, data, expected: tail.seq, id });
      if (seq !== undefined) {
        this.#tails.set(token, { seq, version });
        this.#most = Math.max(this.#most, seq);
        return seq;
      }
      tail = await this.#tail(call, token);
    }
  }

  /** Reads a roll to its end: what was superseded meanwhile has its successor there. */
  async read(call: Call, token: string): Promise<RollLog> {
    const log = this.#log(token);
    const first = await this.#streams.next(call, log, 1);
    if (first === undefined) return { entries: [], version: 0, messages: [] };
    const stored = [first, ...(await this.#streams.collect(call, log, first.seq + 1, Infinity))];
    const messages = stored.map((one) => ({ ...one, ...readChange(one, one.data) }));
    const entries = new Map<string, Entry>();
    for (const { node, key, state } of messages) {
      // Who has told last stands last.
      entries.delete(node + key);
      if (state !== undefined) entries.set(node + key, { node, key, state });
    }
    return { entries: [...entries.values()], version: messages.at(-1)!.number, messages };
  }

  /**
   * Has a node be told of as it should, whatever was told before, and removes what is superseded.
   *
   * @param wanted whom it has entered, by key
   * @returns where each is told of, and the messages that somebody has left
   */
  async settle(
    call: Call,
    token: string,
    node: string,
    wanted: ReadonlyMap<string, string>,
  ): Promise<{ told: Map<string, Told>; tombs: number[] }> {
    // What was sent and not answered is in the stream when this is answered.
    await this.#streams.last(call, this.#log(token));
    const { messages } = await this.read(call, token);
    const told = new Map<string, { state: string | undefined; seq: number }>();
    const stale: number[] = [];
    const tell = (key: string, state: string | undefined, seq: number): void => {
      const before = told.get(key);
      if (before) stale.push(before.seq);
      told.set(key, { state, seq });
    };
    for (const { node: whose, key, state, seq } of messages) if (whose === node) tell(key, state, seq);
    for (const key of new Set([...told.keys(), ...wanted.keys()])) {
      const state = wanted.get(key);
      if (told.get(key)?.state !== state) tell(key, state, await this.change(call, token, node, key, state));
    }
    for (const seq of stale) await this.remove(call, token, seq);
    const there = [...told].flatMap(([key, { state, seq }]) =>
      state === undefined ? [] : [[key, { state, seq }] as const],
    );
    const tombs = [...told.values()].flatMap(({ state, seq }) => (state === undefined ? [seq] : []));
    return { told: new Map(there), tombs };
  }

  /** Whether the stream is still the one that this node has told of changes. */
  async isWhole(call: Call): Promise<boolean> {
    const most = this.#most;
    const { last } = await this.#streams.subjects(call, this.#stream.name, `${this.#prefix}.r.-`);
    if (last >= most) return true;
    this.#most = 0;
    return false;
  }

  /** Removes a message. */
  remove(call: Call, token: string, seq: number): Promise<void> {
    return this.#streams.remove(call, this.#log(token), seq);
  }

  /** Where the last message stands, and how many there are. */
  async extent(call: Call, token: string): Promise<{ last: number; count: number }> {
    const { subject } = this.#log(token);
    const last = await this.#streams.last(call, this.#log(token));
    const { counts } = await this.#streams.subjects(call, this.#stream.name, subject);
    return { last: last?.seq ?? 0, count: counts.get(subject) ?? 0 };
  }
}
