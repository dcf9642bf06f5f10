import { toUtf8 } from "../wire/utf8.ts";
import type { Call } from "./nats-call.ts";
import type { NatsMessage } from "./nats-connection.ts";
import { fromPulled, fromRaw, LABEL, type Stored, writeLabel } from "./nats-format.ts";
import { type NatsLink, type Sent, unavailable } from "./nats-link.ts";
import type { Append, Appended, Log, StreamConfig } from "./nats-log.ts";

/** How many messages are pulled at a time, and how many bytes: more than that, and the server drops a slow reader. */
const BATCH = { messages: 256, bytes: 16 * 1024 * 1024 };
/** Up to so many messages are cheaper to ask for one by one. */
const FEW = 3;
/** For how long a stream at most knows the ids of what it has stored, in ms. */
export const WINDOW = 60_000;
/** After how long the server forgets a consumer that its reader has left behind, in ms. */
const ABANDONED = 10_000;
const NS = 1_000_000;
/** Where no message stands. */
const NEVER = Number.MAX_SAFE_INTEGER;

/** Codes of the server's errors (nats-server, `server/errors.json`). */
const STREAM_NOT_FOUND = 10059;
const STREAM_EXISTS_OTHERWISE = 10058;
const SUBJECTS_OVERLAP = 10065;
const WRONG_LAST_SEQUENCES: readonly unknown[] = [10071, 10164];

interface Answer {
  readonly error?: { code: number; err_code?: number; description: string };
  readonly message?: { seq: number; hdrs?: string; data?: string };
  readonly streams?: string[];
  readonly state?: { last_seq: number; subjects?: Record<string, number> };
  readonly name?: string;
  readonly num_pending?: number;
  readonly seq?: number;
}

/** JetStream, by its wire API (docs.nats.io, "JetStream wire API Reference"). All that it asks may be asked again. */
export class NatsStreams {
  readonly #link: NatsLink;
  readonly #replicas: number;
  readonly #inbox: string;
  readonly #made = new Set<string>();
  #inboxes = 0;

  /**
   * @param link the way to the server
   * @param replicas on how many servers each stream is kept
   * @param inbox what subjects of this node's own begin with
   */
  constructor(link: NatsLink, replicas: number, inbox: string) {
    this.#link = link;
    this.#replicas = replicas;
    this.#inbox = inbox;
  }

  /** The server may have lost its streams. */
  forget(): void {
    this.#made.clear();
  }

  async #api(call: Call, method: string, request: object = {}): Promise<Answer> {
    const payload = toUtf8(JSON.stringify(request));
    for (let round = 0; ; round++) {
      const answer = await this.#link.request(call, `$JS.API.${method}`, payload);
      const read = answer && readAnswer(answer);
      if (read && (read.error?.code ?? 0) < 500) return read;
      await this.#link.pause(call, round);
    }
  }

  async #make(call: Call, config: StreamConfig, tries = 0): Promise<void> {
    const { name, subjects, size = -1, ttl = 0, storage, live } = config;
    if (this.#made.has(name)) return;
    const { error } = await this.#api(call, `STREAM.CREATE.${name}`, {
      name,
      subjects,
      retention: "limits",
      storage,
      discard: "old",
      num_replicas: this.#replicas,
      max_msgs_per_subject: size,
      max_age: ttl * NS,
      duplicate_window: Math.min(ttl || WINDOW, WINDOW) * NS,
      ...(live && { republish: { src: subjects[0], dest: live } }),
    });
    if (error?.err_code === SUBJECTS_OVERLAP && tries < 5) {
      // Where two nodes make it at once, the server takes it for another one.
      await this.#link.pause(call, tries);
      return this.#make(call, config, tries + 1);
    }
    if (error && error.err_code !== STREAM_EXISTS_OTHERWISE) throw unavailable(`JetStream: ${error.description}`);
    this.#made.add(name);
    return undefined;
  }

  /** Stores a message, once, behind the one that is expected to be the last. */
  async append(call: Call, { stream, subject }: Log, { label, data, expected, id }: Append): Promise<Appended> {
    const headers = this.#link.headers({
      [LABEL]: label && writeLabel(label),
      "Nats-Expected-Last-Subject-Sequence": expected,
      "Nats-Msg-Id": id,
    });
    const payload = this.#link.fit(data ?? new Uint8Array());
    const sent: Sent = { again: false };
    for (let round = 0; ; round++) {
      await this.#make(call, stream);
      const answer = await this.#link.request(call, subject, payload, headers, sent);
      const read = answer && readAnswer(answer);
      if (read && !read.error) return { seq: read.seq, last: read.seq, unsure: sent.again };
      if (WRONG_LAST_SEQUENCES.includes(read?.error?.err_code)) {
        const [, last] = /: (\d+)$/.exec(read!.error!.description) ?? [];
        return { seq: undefined, last: last === undefined ? undefined : Number(last), unsure: sent.again };
      }
      if (read && read.error!.code < 500) throw unavailable(`JetStream: ${read.error!.description}`);
      if (!read) this.#made.delete(stream.name);
      await this.#link.pause(call, round);
    }
  }

  /** The first message of a log from a place in the stream on. */
  next(call: Call, log: Log, seq: number): Promise<Stored | undefined> {
    return this.#get(call, log, { seq, next_by_subj: log.subject });
  }

  /**
   * The last message of a log, by what is said to who expects another: so it stands behind all that this node has sent. To
   * ask for it by its subject makes a NATS 2.9.10 crash now and then while others remove messages.
   */
  async last(call: Call, log: Log): Promise<Stored | undefined> {
    for (;;) {
      const { last } = await this.append(call, log, { expected: NEVER });
      if (last === 0) return undefined;
      const found = await this.#get(call, log, last === undefined ? { last_by_subj: log.subject } : { seq: last });
      if (found || last === undefined) return found;
    }
  }

  /** The leader answers it, so that what was stored before is seen. */
  async #get(call: Call, { stream }: Log, request: object): Promise<Stored | undefined> {
    const { message } = await this.#api(call, `STREAM.MSG.GET.${stream.name}`, request);
    return message && fromRaw(message);
  }

  /** Removes a message. */
  async remove(call: Call, { stream }: Log, seq: number): Promise<void> {
    await this.#api(call, `STREAM.MSG.DELETE.${stream.name}`, { seq, no_erase: true });
  }

  /** Removes all messages whose subjects match. */
  async purge(call: Call, { name }: StreamConfig, filter: string): Promise<void> {
    await this.#api(call, `STREAM.PURGE.${name}`, { filter });
  }

  /** The names of the streams that might keep a subject. */
  async names(call: Call, subject: string): Promise<readonly string[]> {
    return (await this.#api(call, "STREAM.NAMES", { subject })).streams ?? [];
  }

  /** The subjects that match, with how many messages each has; and where the stream stands. */
  async subjects(call: Call, name: string, filter: string): Promise<{ last: number; counts: Map<string, number> }> {
    const { state, error } = await this.#api(call, `STREAM.INFO.${name}`, { subjects_filter: filter });
    if (error && error.err_code !== STREAM_NOT_FOUND) throw unavailable(`JetStream: ${error.description}`);
    return { last: state?.last_seq ?? 0, counts: new Map(Object.entries(state?.subjects ?? {})) };
  }

  /**
   * Reads messages of a log, oldest first, until there are so many, or one stands at `until` or behind it, or the leader
   * says that there are no more.
   */
  async collect(call: Call, log: Log, from: number, count: number, until: number = Infinity): Promise<Stored[]> {
    const all = count > FEW ? await this.#pull(call, log, from, count) : [];
    while (all.length < count && (all.at(-1)?.seq ?? 0) < until) {
      const next = await this.next(call, log, (all.at(-1)?.seq ?? from - 1) + 1);
      if (next === undefined) break;
      all.push(next);
    }
    return all;
  }

  async #pull(call: Call, { stream, subject }: Log, from: number, count: number): Promise<Stored[]> {
    const { name, num_pending: pending = 0 } = await this.#api(call, `CONSUMER.CREATE.${stream.name}`, {
      stream_name: stream.name,
      config: {
        deliver_policy: "by_start_sequence",
        opt_start_seq: from,
        ack_policy: "none",
        replay_policy: "instant",
        filter_subject: subject,
        inactive_threshold: ABANDONED * NS,
        num_replicas: 1,
        mem_storage: true,
      },
    });
    if (name === undefined) return [];
    const all: Stored[] = [];
    try {
      while (all.length < Math.min(count, pending)) {
        const batch = Math.min(count, pending, all.length + BATCH.messages) - all.length;
        const reply = `${this.#inbox}.${++this.#inboxes}`;
        const messages = await this.#link.receive(call, reply, batch, () => {
          const request = { batch, max_bytes: BATCH.bytes, no_wait: true };
          const payload = toUtf8(JSON.stringify(request));
          this.#link.connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream.name}.${name}`, payload, { reply });
        });
        for (const { reply, headers, data } of messages) all.push(fromPulled(reply, headers, data));
        // What the consumer does not bring is asked for one by one.
        if (messages.length < batch) break;
      }
    } finally {
      this.#leave(`${stream.name}.${name}`);
    }
    return all;
  }

  /** A reader that is done leaves no consumer behind. */
  #leave(consumer: string): void {
    const work = (call: Call): Promise<unknown> => this.#api(call, `CONSUMER.DELETE.${consumer}`);
    this.#link.within(work, true).catch(() => {});
  }
}

function readAnswer({ data }: NatsMessage): Answer {
  return JSON.parse(new TextDecoder().decode(data)) as Answer;
}
