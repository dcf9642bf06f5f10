import type { Body } from "../wire/frames.ts";
import { randomId } from "../wire/random-id.ts";
import type { Page, PageRequest, Position, Retention } from "./broker.ts";

/** For how long an epoch without a message is remembered at most, in ms: a day. */
const NAMED = 86_400_000;

/** A channel's past in memory: a ring of so many messages, each for so long. */
export class MemoryHistory {
  /** Names this run of offsets; who forgets the history begins another. */
  readonly epoch: string = randomId();
  readonly #size: number;
  readonly #ttl: number;
  /** The message at an offset is at `(offset - 1) % size`, and when its time is over as well. */
  readonly #bodies: (Body | undefined)[] = [];
  readonly #ends: number[] = [];
  #first = 1;
  #last = 0;
  /** Until when it is remembered without a message. */
  #until = -Infinity;

  constructor({ size, ttl }: Retention) {
    this.#size = size;
    this.#ttl = ttl;
  }

  /** Whether there is no message. */
  get isEmpty(): boolean {
    return this.#first > this.#last;
  }

  /** When the oldest message's time is over; where there is none, until when it is remembered. */
  get end(): number {
    return this.isEmpty ? this.#until : this.#ends[this.#slot(this.#first)]!;
  }

  /** Somebody knows its epoch: it is remembered for a while, also without a message. */
  touch(now: number): void {
    this.#until = now + Math.min(this.#ttl, NAMED);
  }

  /** Stores a message, in place of the oldest one where it is full. */
  append(body: Body, now: number): Position {
    const offset = ++this.#last;
    const slot = this.#slot(offset);
    this.#bodies[slot] = toKept(body);
    this.#ends[slot] = now + this.#ttl;
    if (offset - this.#first >= this.#size) this.#first = offset - this.#size + 1;
    return { offset, epoch: this.epoch };
  }

  /**
   * Forgets what is too old.
   *
   * @returns whether there is something left, or it is remembered
   */
  expire(now: number): boolean {
    while (!this.isEmpty && this.end <= now) this.#bodies[this.#slot(this.#first++)] = undefined;
    return !this.isEmpty || now < this.#until;
  }

  read({ after, limit }: PageRequest): Page {
    const [first, last] = [this.#first, this.#last];
    const from = Math.min(Math.max(first, after === undefined ? last - limit + 1 : after + 1), last + 1);
    const to = Math.min(last, from + limit - 1);
    const messages: Body[] = [];
    for (let offset = from; offset <= to; offset++) messages.push(this.#bodies[this.#slot(offset)]!);
    return { messages, to, position: { offset: last, epoch: this.epoch } };
  }

  #slot(offset: number): number {
    return (offset - 1) % this.#size;
  }
}

/** A few bytes of a large packet do not keep the packet. */
function toKept(body: Body): Body {
  return typeof body === "string" || body.byteLength === body.buffer.byteLength ? body : body.slice();
}
