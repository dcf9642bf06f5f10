import type { Body } from "../wire/frames.ts";
import { fromUtf8 } from "../wire/utf8.ts";
import type { Position, Retention } from "./broker.ts";
import { unavailable } from "./patience.ts";
import type { RedisLine } from "./redis-line.ts";
import type { RedisNames } from "./redis-names.ts";
import { toStored } from "./redis-payload.ts";
import { publishScript } from "./redis-scripts.ts";

/** For how long the offsets of a channel go on when nothing is in it, in ms: a day. */
export const MEMORY = 86_400_000;
/** For how long Redis knows what it was lately asked to store, in ms: whatever a client may still send again. */
const RECENT = 600_000;
/** After how many messages those are looked for in Redis that cannot be asked for again. */
const TIDY = 64;

/** What is under way to a channel. */
interface Sending {
  /** The numbers of what is not answered yet, the least of them first. */
  readonly numbers: Set<number>;
  count: number;
}

/** Publishes, and has Redis store once what is asked twice. */
export class RedisPublisher {
  readonly #node: string;
  readonly #line: RedisLine;
  readonly #names: RedisNames;
  readonly #sending = new Map<string, Sending>();
  #number = 0;

  constructor(node: string, line: RedisLine, names: RedisNames) {
    this.#node = node;
    this.#line = line;
    this.#names = names;
  }

  /** Publishes a message; gives where it stands, where it is stored. */
  async publish(channel: string, body: Body, retention: Retention | undefined): Promise<Position | undefined> {
    if (retention !== undefined) return this.#store(channel, body, retention);
    await this.#line.publish(this.#names.live(channel), toStored(body));
    return undefined;
  }

  async #store(channel: string, body: Body, { size, ttl }: Retention): Promise<Position> {
    const names = this.#names;
    const number = ++this.#number;
    let sending = this.#sending.get(channel);
    if (!sending) this.#sending.set(channel, (sending = { numbers: new Set(), count: 0 }));
    sending.numbers.add(number);
    const [least = number] = sending.numbers;
    const tidy = sending.count++ % TIDY === 0 ? "1" : "0";
    const keys = [names.meta(channel), names.stream(channel), names.recent(channel, this.#node)];
    const lasting = [size, Math.ceil(ttl), Math.max(MEMORY, Math.ceil(2 * ttl)), RECENT];
    const epoch = `${this.#node}.${number.toString(36)}`;
    try {
      const args = [names.live(channel), toStored(body), ...lasting, number, least, tidy, epoch];
      const [offset, named] = (await this.#line.run(publishScript, keys, args, body.length)) as Uint8Array[];
      if (!offset || !named) throw unavailable("It was asked too late");
      return { offset: Number(fromUtf8(offset)), epoch: fromUtf8(named) };
    } finally {
      sending.numbers.delete(number);
      if (sending.numbers.size === 0) this.#sending.delete(channel);
    }
  }
}
