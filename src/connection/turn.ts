import type { Clock } from "../wire/clock.ts";

/** Something that has collected work during a turn. */
export interface Flushable {
  /** Does the collected work. Never throws. */
  flush(): void;
}

/** What is flushed before all else. */
export interface First extends Flushable {
  /** Whether there is anything to flush. */
  readonly pending: boolean;
}

/** Collects what is to be flushed during one turn of the event loop, and flushes it all when the turn is over. */
export class Turn {
  /** Flushed before all others, which it may add to. */
  first: First | undefined;
  readonly #clock: Clock;
  #due: Flushable[] = [];
  #waits = false;

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
    this.#due.push(item);
    this.wait();
  }

  /** Has `first` flushed when this turn is over. */
  wait(): void {
    if (this.#waits) return;
    this.#waits = true;
    this.#clock.afterTurn(this.#flush);
  }

  readonly #flush = (): void => {
    // Whoever is ended by it may have others told.
    while (this.first?.pending) this.first.flush();
    const due = this.#due;
    this.#due = [];
    this.#waits = false;
    for (let i = 0; i < due.length; i++) due[i]!.flush();
  };
}
