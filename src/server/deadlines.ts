import type { Clock, Timer } from "../wire/clock.ts";

/**
 * Deadlines that are all as far away as each other, with one timer for all of them: when thousands come at once, a timer
 * of the runtime's for each is a good part of the work.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #within: number;
  /** In the order in which they were set, which is that in which they pass. */
  readonly #open = new Set<Deadline>();
  #timer: Timer | undefined;

  /**
   * @param clock the time
   * @param within how far away each is, in ms
   */
  constructor(clock: Clock, within: number) {
    this.#clock = clock;
    this.#within = within;
  }

  /** @param run what to do when it has passed; never throws */
  set(run: () => void): Timer {
    const deadline = new Deadline(this, run, this.#clock.now() + this.#within);
    this.#open.add(deadline);
    this.#timer ??= this.#clock.setTimer(this.#tick, this.#within);
    return deadline;
  }

  /** For a deadline only. */
  delete(deadline: Deadline): void {
    this.#open.delete(deadline);
    if (this.#open.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #tick = (): void => {
    this.#timer = undefined;
    for (const deadline of this.#open) {
      const left = deadline.at - this.#clock.now();
      if (left > 0) {
        this.#timer ??= this.#clock.setTimer(this.#tick, left);
        return;
      }
      this.#open.delete(deadline);
      deadline.run();
    }
  };
}

class Deadline implements Timer {
  readonly at: number;
  readonly run: () => void;
  readonly #all: Deadlines;

  constructor(all: Deadlines, run: () => void, at: number) {
    this.#all = all;
    this.run = run;
    this.at = at;
  }

  cancel(): void {
    this.#all.delete(this);
  }
}
