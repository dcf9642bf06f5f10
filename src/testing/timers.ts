import type { Timer } from "../wire/clock.ts";

const GONE = -1;

/** A timer that is set; it knows its place in the heap, so that taking it back costs no search. */
class SetTimer implements Timer {
  readonly at: number;
  /** Timers of one moment run in the order in which they were set. */
  readonly order: number;
  readonly run: () => void;
  place: number = GONE;
  readonly #timers: Timers;

  constructor(timers: Timers, run: () => void, at: number, order: number) {
    this.#timers = timers;
    this.run = run;
    this.at = at;
    this.order = order;
  }

  cancel(): void {
    this.#timers.delete(this);
  }

  isBefore(other: SetTimer): boolean {
    return this.at < other.at || (this.at === other.at && this.order < other.order);
  }
}

/** The timers of a clock, the earliest first: a binary heap, as a simulation has thousands of them. */
export class Timers {
  /** How many were ever set. */
  count = 0;
  readonly #heap: SetTimer[] = [];

  /** How many are set now. */
  get size(): number {
    return this.#heap.length;
  }

  /** When the next one is due; `Infinity` where there is none. */
  get next(): number {
    return this.#heap[0]?.at ?? Infinity;
  }

  /** Sets one. */
  add(run: () => void, at: number): Timer {
    const timer = new SetTimer(this, run, at, this.count++);
    this.#heap.push(timer);
    this.#rise(timer, this.#heap.length - 1);
    return timer;
  }

  /** Takes the earliest out. */
  shift(): (() => void) | undefined {
    const first = this.#heap[0];
    if (first !== undefined) this.delete(first);
    return first?.run;
  }

  /** Takes one out, if it is still there. */
  delete(timer: SetTimer): void {
    const { place } = timer;
    if (place === GONE) return;
    timer.place = GONE;
    const last = this.#heap.pop()!;
    if (last === timer) return;
    // What was last takes its place, and may be early or late for it.
    this.#rise(last, place);
    this.#sink(last, last.place);
  }

  #rise(timer: SetTimer, from: number): void {
    let place = from;
    while (place > 0) {
      const above = this.#heap[(place - 1) >> 1]!;
      if (above.isBefore(timer)) break;
      this.#put(above, place);
      place = (place - 1) >> 1;
    }
    this.#put(timer, place);
  }

  #sink(timer: SetTimer, from: number): void {
    let place = from;
    for (;;) {
      const left = 2 * place + 1;
      const right = this.#heap[left + 1];
      const child = right?.isBefore(this.#heap[left]!) ? right : this.#heap[left];
      if (child === undefined || timer.isBefore(child)) break;
      const below = child.place;
      this.#put(child, place);
      place = below;
    }
    this.#put(timer, place);
  }

  #put(timer: SetTimer, place: number): void {
    this.#heap[place] = timer;
    timer.place = place;
  }
}
