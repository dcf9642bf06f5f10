import type { Clock, Timer } from "../wire/clock.ts";
import { PrismError } from "../wire/errors.ts";

/** Something that is waited for, for so long and no longer. */
export interface Pending {
  /** Is told, once, that it is waited for no more. */
  fail(error: unknown): void;
  /** By when it must be done; set where it is added. */
  until?: number;
}

/** Bounds how long an engine's answers are waited for, and how many wait. One timer serves all of them. */
export class Patience {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #limit: number;
  /** In the order of their ends, since all wait equally long. */
  readonly #pending = new Set<Pending>();
  #timer: Timer | undefined;
  #closed = false;

  /**
   * @param clock the time
   * @param ms for how long each is waited for
   * @param limit how many wait at most
   */
  constructor(clock: Clock, ms: number, limit: number) {
    this.#clock = clock;
    this.#ms = ms;
    this.#limit = limit;
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
    if (this.#closed) pending.fail(closedError());
    else if (this.#pending.size >= this.#limit) pending.fail(unavailable(`${this.#limit} others wait`));
    else {
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
    return this.#pending.delete(pending);
  }

  /** Fails all that is waited for, and all that comes. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const one of pending) one.fail(closedError());
  }

  #check(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    for (const one of this.#pending) {
      if (one.until! > now) {
        this.#timer = this.#clock.setTimer(() => this.#check(), one.until! - now);
        return;
      }
      this.#pending.delete(one);
      one.fail(unavailable(`No answer within ${this.#ms} ms`));
    }
  }
}

function closedError(): PrismError {
  return new PrismError("closed", "The broker is closed");
}

/** What is told where the engine is away. */
export function unavailable(why: string): PrismError {
  return new PrismError("unavailable", `The broker's engine is away: ${why}`);
}
