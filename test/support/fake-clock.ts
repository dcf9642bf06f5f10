import type { Clock, Timer } from "../../src/wire/clock.ts";

interface Pending {
  readonly run: () => void;
  readonly at: number;
  /** Timers of one moment run in the order in which they were set. */
  readonly place: number;
}

/** A clock whose time, turns and randomness a test decides. Nothing runs but in `turn`, `settle` and `advance`. */
export class FakeClock implements Clock {
  /** What `random` gives. */
  chance = 0.5;
  /** How many timers were ever set. */
  timersSet = 0;
  readonly #pending = new Set<Pending>();
  #now = 1000;
  #turn: (() => void)[] = [];

  /** Timers that are set now. */
  get timers(): number {
    return this.#pending.size;
  }

  now(): number {
    return this.#now;
  }

  random(): number {
    return this.chance;
  }

  setTimer(run: () => void, ms: number): Timer {
    if (Number.isNaN(ms) || ms > 0x7fffffff)
      throw new RangeError(`Timer of ${ms} ms, which a runtime would run at once`);
    const pending: Pending = { run, at: this.#now + Math.max(0, ms), place: this.timersSet++ };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  afterTurn(run: () => void): void {
    this.#turn.push(run);
  }

  /** Ends the present turn: runs what waits for that, but not what is put off to the next. */
  turn(): void {
    const due = this.#turn;
    this.#turn = [];
    for (const run of due) run();
  }

  /** Ends turns, and lets promises go on, until nothing is left to do at this moment. */
  async settle(): Promise<void> {
    await promises();
    while (this.#turn.length > 0) {
      this.turn();
      await promises();
    }
  }

  /** Lets time go by, each timer at its moment. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.settle();
    for (;;) {
      const next = this.#next();
      if (next === undefined || next.at > end) break;
      this.#now = Math.max(this.#now, next.at);
      this.#pending.delete(next);
      next.run();
      await this.settle();
    }
    this.#now = end;
  }

  /** Lets time go by while the process is held up: no timer runs until it goes on. */
  hold(ms: number): void {
    this.#now += ms;
  }

  #next(): Pending | undefined {
    let first: Pending | undefined;
    for (const timer of this.#pending) {
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.place < first.place))
        first = timer;
    }
    return first;
  }
}

/** All promises that can go on have gone on when a real turn of the event loop is over. */
function promises(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
