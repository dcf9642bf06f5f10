/** Lets work on one key wait for its turn; work on other keys goes on beside it. */
export class KeyedLock {
  /** For each key on which there is work: settles, and never rejects, when the last of it is over. */
  readonly #last = new Map<string, Promise<void>>();

  /** On how many keys there is work. */
  get size(): number {
    return this.#last.size;
  }

  /**
   * Does some work once all earlier work on the same key is over, whether that failed or not.
   *
   * @param key what nobody else may work on meanwhile
   * @param work what to do
   * @returns what the work returned
   */
  async run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key);
    const own = before ? before.then(work) : work();
    const over = own.then(nothing, nothing);
    this.#last.set(key, over);
    try {
      return await own;
    } finally {
      if (this.#last.get(key) === over) this.#last.delete(key);
    }
  }

  /** Lets whoever comes from now on work on a key at once, beside what may never come to its end. */
  giveUp(key: string): void {
    this.#last.delete(key);
  }
}

function nothing(): void {}
