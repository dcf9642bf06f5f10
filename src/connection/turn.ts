import type { Clock } from "../wire/clock.ts";

/** Something that has collected work during a turn. */
export interface Flushable {
  /** Does the collected work. Never throws. */
  flush(): void;
}

/** Collects what is to be flushed during one turn of the event loop, and flushes it all when the turn is over. */
export class Turn {
  readonly #clock: Clock;
  #due: Flushable[] = [];

  /** @param clock tells when the turn is over */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Has something flushed when this turn is over.
   *
   * @param item what to flush; whoever adds it sees to it that it is added once a turn
   */
  add(item: Flushable): void {
    if (this.#due.push(item) === 1) this.#clock.afterTurn(this.#flush);
  }

  readonly #flush = (): void => {
    const due = this.#due;
    this.#due = [];
    for (let i = 0; i < due.length; i++) due[i]!.flush();
  };
}
