/** Hands out numbers from 0, the smallest free one first. One bit a number. */
export class Ids {
  readonly #taken: number[] = [];
  /** No word before this one has a free bit. */
  #first = 0;

  /** The smallest free number. */
  get next(): number {
    while (this.#taken[this.#first] === -1) this.#first++;
    const word = this.#taken[this.#first] ?? 0;
    return this.#first * 32 + 31 - Math.clz32(~word & (word + 1));
  }

  /** @returns the smallest free number, which is now taken */
  take(): number {
    const { next } = this;
    this.reserve(next);
    return next;
  }

  /** @param id a free number, which is now taken */
  reserve(id: number): void {
    const at = id >>> 5;
    while (this.#taken.length <= at) this.#taken.push(0);
    this.#taken[at]! |= 1 << (id & 31);
  }

  /** @param id a taken number, which is now free */
  free(id: number): void {
    const at = id >>> 5;
    this.#taken[at]! &= ~(1 << (id & 31));
    if (at < this.#first) this.#first = at;
  }
}
