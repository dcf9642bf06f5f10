/** Does things that belong together one after another. */
export class Lanes {
  readonly #ends = new Map<string, Promise<unknown>>();

  /** Whether something is being done, or waits, in a lane. */
  isBusy(lane: string): boolean {
    return this.#ends.has(lane);
  }

  /** Does something when all before it in its lane is done, however that ended. */
  async run<Value>(lane: string, work: () => Promise<Value>): Promise<Value> {
    const before = this.#ends.get(lane);
    const result = before === undefined ? work() : before.then(work);
    const end = result.then(
      () => {},
      () => {},
    );
    this.#ends.set(lane, end);
    try {
      return await result;
    } finally {
      if (this.#ends.get(lane) === end) this.#ends.delete(lane);
    }
  }
}

/** Remembers as much as it may, and forgets what was set longest ago. */
export class Recent<Value> {
  readonly #all = new Map<string, Value>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  get(key: string): Value | undefined {
    return this.#all.get(key);
  }

  set(key: string, value: Value): void {
    this.#all.delete(key);
    this.#all.set(key, value);
    if (this.#all.size <= this.#most) return;
    for (const oldest of this.#all.keys()) {
      this.#all.delete(oldest);
      return;
    }
  }

  delete(key: string): void {
    this.#all.delete(key);
  }
}
