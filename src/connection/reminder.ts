import type { Clock, Timer } from "../wire/clock.ts";

/** Something that wants to be reminded of what it has put off. */
export interface Remindable {
  /** Its time has come. Never throws. */
  remind(): void;
}

/** Reminds any number of ends, each within a time, with one timer for all of them and none while nobody waits. */
export class Reminder {
  readonly #clock: Clock;
  readonly #step: number;
  #early = new Set<Remindable>();
  #late = new Set<Remindable>();
  #timer: Timer | undefined;

  /**
   * @param clock the time
   * @param within after how many ms each is reminded at the latest; at the earliest it is after half of that
   */
  constructor(clock: Clock, within: number) {
    this.#clock = clock;
    this.#step = within / 2;
  }

  /** @param item is reminded once; whoever adds it sees to it that it is not there already */
  add(item: Remindable): void {
    this.#late.add(item);
    if (this.#timer === undefined) this.#wait();
  }

  /** @param item is not reminded any more */
  delete(item: Remindable): void {
    this.#early.delete(item);
    this.#late.delete(item);
    // A timer that nobody needs would keep a client's process alive.
    if (this.#early.size > 0 || this.#late.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #wait(): void {
    this.#timer = this.#clock.setTimer(this.#tick, this.#step);
  }

  readonly #tick = (): void => {
    const due = this.#early;
    this.#early = this.#late;
    this.#late = new Set();
    this.#timer = undefined;
    for (const item of due) item.remind();
    if (this.#timer === undefined && (this.#early.size > 0 || this.#late.size > 0)) this.#wait();
  };
}
