import type { Clock, Timer } from "../wire/clock.ts";
import { PrismError } from "../wire/errors.ts";

/** Something that is waited for, for so long and no longer. */
export interface Pending {
  /** Is told, once, that it is waited for no more. */
  fail(error: unknown): void;
  /** How long what it holds is: bytes, or characters of a text. */
  readonly size?: number;
  /** By when it must be done; set where it is added. */
  until?: number;
  /** Whether the engine's client holds it: then it fills memory for as long, though nobody waits for it any more. */
  held?: boolean;
}

/** How much may wait for an engine at once. */
export interface QueueLimits {
  /** How many calls. */
  readonly queue: number;
  /** How long all that they hold may be, in bytes; one that is longer may wait alone. */
  readonly queueBytes: number;
}

/**
 * 16,384 calls, so that a burst of what one turn publishes to a crowd is no failure, and 64 MiB, since it is their bodies
 * that fill memory: what waits is held for as long as the patience, however many servers the engine keeps waiting.
 */
export const QUEUE: QueueLimits = { queue: 16_384, queueBytes: 64 * 1024 * 1024 };

/** Bounds how long an engine's answers are waited for, and how much waits. One timer serves all of them. */
export class Patience {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #limits: QueueLimits;
  /** In the order of their ends, since all wait equally long. */
  readonly #pending = new Set<Pending>();
  /** What is waited for or held. */
  #count = 0;
  #bytes = 0;
  #timer: Timer | undefined;
  #closed = false;

  /**
   * @param clock the time
   * @param ms for how long each is waited for
   * @param limits how much waits at most
   */
  constructor(clock: Clock, ms: number, limits: QueueLimits) {
    this.#clock = clock;
    this.#ms = ms;
    this.#limits = limits;
  }

  /** Whether nothing is begun any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Waits for something, or fails it at once.
   *
   * @returns whether it may be begun
   */
  add(pending: Pending): boolean {
    const { size = 0 } = pending;
    const others = this.#count;
    if (this.#closed) pending.fail(closed());
    else if (others >= this.#limits.queue) pending.fail(unavailable(`${others} others wait`));
    else if (size > 0 && this.#bytes > 0 && this.#bytes + size > this.#limits.queueBytes)
      pending.fail(unavailable(`${this.#bytes} bytes wait`));
    else {
      this.#count++;
      this.#bytes += size;
      pending.until = this.#clock.now() + this.#ms;
      this.#pending.add(pending);
      this.#timer ??= this.#clock.setTimer(() => this.#check(), this.#ms);
      return true;
    }
    return false;
  }

  /** Whether it is still waited for. */
  has(pending: Pending): boolean {
    return this.#pending.has(pending);
  }

  /**
   * Waits no more, since it is done.
   *
   * @returns whether it was still waited for
   */
  done(pending: Pending): boolean {
    if (!this.#pending.delete(pending)) return false;
    this.#forget(pending);
    return true;
  }

  /** The engine's client holds it no more. */
  release(pending: Pending): void {
    pending.held = false;
    this.#forget(pending);
  }

  #forget(pending: Pending): void {
    if (pending.held || this.#pending.has(pending)) return;
    this.#count--;
    this.#bytes -= pending.size ?? 0;
  }

  /** Fails all that is waited for, and all that comes. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const one of pending) one.fail(closed());
  }

  #check(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    for (const one of this.#pending) {
      if (one.until! > now) {
        this.#timer = this.#clock.setTimer(() => this.#check(), one.until! - now);
        return;
      }
      this.done(one);
      one.fail(unavailable(`No answer within ${this.#ms} ms`));
    }
  }
}

/** What is told once it is closed. */
export function closed(): PrismError {
  return new PrismError("closed", "The broker is closed");
}

/** What is told where the engine is away. */
export function unavailable(why: string): PrismError {
  return new PrismError("unavailable", `The broker's engine is away: ${why}`);
}
