/** How fast buckets of one kind fill, and how large they are. */
export interface BucketSize {
  /** Tokens a second. */
  readonly rate: number;
  /** Tokens in a full bucket. */
  readonly burst: number;
}

/** What rounding may cost, in ms: far above the error of a sum of times, far below what a clock can tell. */
export const TOLERANCE = 0.001;

/**
 * A token bucket, kept as one moment: the one at which it is full again. Taking tokens moves that away by the time that
 * they need to come back, and nothing has to be added as time goes by (the generic cell rate algorithm, ITU-T I.371).
 */
export class TokenBucket {
  /** How far it has gone since all was well: each step is told once. */
  level: "quiet" | "warning" | "limited" = "quiet";
  // No small integers from the start: engines then change them in place.
  /** When it last was near its end, or over it, in ms. */
  pressed: number = Number.NEGATIVE_INFINITY;
  #full = Number.NEGATIVE_INFINITY;

  /** The moment at which it is full again, in ms. */
  get full(): number {
    return this.#full;
  }

  /**
   * Takes what comes back within a time, if it is there.
   *
   * @param cost how long it takes to come back, in ms
   * @param now the time in ms
   * @param size how long an empty bucket takes to be full, in ms; at least `cost`
   * @returns 0 if it was taken; else when it will be there, in ms from now
   */
  take(cost: number, now: number, size: number): number {
    const after = (this.#full > now ? this.#full : now) + cost;
    const wait = after - now - size;
    if (wait > TOLERANCE) return wait;
    this.#full = after;
    return 0;
  }

  /**
   * Gives back what was taken.
   *
   * @param cost how long it would have taken to come back, in ms
   */
  giveBack(cost: number): void {
    this.#full -= cost;
  }

  /**
   * Learns that it is not full before a moment.
   *
   * @param full the moment in ms
   */
  lower(full: number): void {
    if (full > this.#full) this.#full = full;
  }

  /**
   * How long it takes to be full, in ms.
   *
   * @param now the time in ms
   * @returns 0 if it is full
   */
  missing(now: number): number {
    return this.#full > now ? this.#full - now : 0;
  }
}
