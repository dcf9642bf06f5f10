import type { Clock } from "../wire/clock.ts";

/** Lets only so many through in each turn of the event loop, in order, so that a crowd holds nobody else up. */
export class Turnstile {
  readonly #clock: Clock;
  readonly #most: number;
  #left: number;
  /** In order; the first ones have passed. */
  #waiting: (() => void)[] = [];
  #passed = 0;
  #turns = false;

  /**
   * @param clock tells when a turn is over
   * @param most how many a turn
   */
  constructor(clock: Clock, most: number) {
    this.#clock = clock;
    this.#most = this.#left = most;
  }

  /** @param run what to do when it is its turn: at once, if there is no crowd. Never throws */
  pass(run: () => void): void {
    if (!this.#turns) {
      this.#turns = true;
      this.#clock.afterTurn(this.#turn);
    }
    if (this.#left === 0) {
      this.#waiting.push(run);
      return;
    }
    this.#left--;
    run();
  }

  readonly #turn = (): void => {
    const first = this.#passed;
    const end = Math.min(first + this.#most, this.#waiting.length);
    const waiting = this.#waiting;
    this.#left = this.#most - (end - first);
    this.#passed = end;
    // All at once, since to move thousands up by two each turn is work, too.
    if (end === waiting.length) {
      this.#waiting = [];
      this.#passed = 0;
    }
    this.#turns = end > first;
    if (this.#turns) this.#clock.afterTurn(this.#turn);
    for (let i = first; i < end; i++) waiting[i]!();
  };
}
