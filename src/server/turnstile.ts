import type { Clock } from "../wire/clock.ts";

/** Lets only so many through in each turn of the event loop, in order, so that a crowd holds nobody else up. */
export class Turnstile {
  readonly #clock: Clock;
  readonly #most: number;
  #left: number;
  #waiting: (() => void)[] = [];
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
    const due = this.#waiting.slice(0, this.#most);
    this.#waiting = this.#waiting.slice(this.#most);
    this.#left = this.#most - due.length;
    this.#turns = due.length > 0;
    if (this.#turns) this.#clock.afterTurn(this.#turn);
    for (const run of due) run();
  };
}
