import type { Clock, Timer } from "../wire/clock.ts";
import { MAX_NUMBER } from "../wire/numbers.ts";

/** Rings at the earliest of the times that it was told, with one timer for all of them. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #at = Infinity;
  #timer: Timer | undefined;

  /**
   * @param clock the time
   * @param ring what to call; it sets the alarm anew for what is left
   */
  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** @param time when to ring at the latest, on the clock; it may ring too early for a time far away */
  set(time: number): void {
    // Also true for what is no number.
    if (!(time < this.#at)) return;
    this.clear();
    this.#at = time;
    const ring = (): void => {
      this.#at = Infinity;
      this.#ring();
    };
    this.#timer = this.#clock.setTimer(ring, Math.min(time - this.#clock.now(), MAX_NUMBER));
  }

  /** Does not ring. */
  clear(): void {
    this.#timer?.cancel();
    this.#at = Infinity;
  }
}
