/** How many buckets a doubling has: a value is known to 1.6 %. */
const STEPS = 64;
const DOUBLINGS = 30;

/** Counts durations, in ms from 1 µs to 17 min. */
export class Histogram {
  readonly #counts: Uint32Array = new Uint32Array(STEPS * DOUBLINGS);
  total = 0;

  /** @param duration in ms */
  add(duration: number): void {
    this.#counts[toBucket(duration * 1_000)]!++;
    this.total++;
  }

  /** @returns the duration that so great a share of them does not exceed, in ms; NaN where there are none */
  quantile(share: number): number {
    let left = Math.max(1, Math.ceil(this.total * share));
    if (this.total === 0) return NaN;
    let bucket = -1;
    while (left > 0) left -= this.#counts[++bucket]!;
    return (2 ** Math.floor(bucket / STEPS) * (1 + ((bucket % STEPS) + 1) / STEPS)) / 1_000;
  }
}

function toBucket(micros: number): number {
  if (!(micros > 1)) return 0;
  const doubling = Math.floor(Math.log2(micros));
  const step = Math.floor((micros / 2 ** doubling - 1) * STEPS);
  return Math.min(STEPS * DOUBLINGS - 1, doubling * STEPS + Math.min(step, STEPS - 1));
}
