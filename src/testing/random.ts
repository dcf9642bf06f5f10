/**
 * Chance that can be had again: all that it gives follows from its seed (mulberry32).
 *
 * @param seed any number; of others than whole ones of 32 bits only the part within these counts
 * @returns gives a number from 0 up to, not including, 1
 */
export function createRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
