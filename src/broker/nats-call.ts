/** Something that somebody waits for; whatever it is made of ends with it. */
export class Call {
  #failure: unknown;
  readonly #waiting = new Set<(reason: unknown) => void>();

  /** Ends it: all that it waits for rejects from now on. */
  end(reason: unknown): void {
    this.#failure ??= reason;
    for (const reject of this.#waiting) reject(this.#failure);
    this.#waiting.clear();
  }

  /** Whether it is over. */
  get over(): boolean {
    return this.#failure !== undefined;
  }

  /** Throws where it is over. */
  check(): void {
    if (this.over) throw this.#failure;
  }

  /** Waits for something, for as long as this goes on. */
  race<Value>(promise: Promise<Value>): Promise<Value> {
    return race(promise, this.#waiting, () => this.#failure);
  }
}

/** Waits for something, or until those who wait are told that it does not come any more. */
export function race<Value>(
  promise: Promise<Value>,
  waiting: Set<(reason: unknown) => void>,
  failure: () => unknown,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    waiting.add(reject);
    if (failure() !== undefined) reject(failure());
    promise.then(resolve, reject).finally(() => waiting.delete(reject));
  });
}

/** NATS has nobody who hears of a subject: it answers 503, which clients tell in different ways. */
export function isNobody(error: unknown): boolean {
  const { name, code, cause } = (error ?? {}) as { name?: string; code?: string; cause?: unknown };
  return code === "503" || (name ?? "").startsWith("NoResponders") || (cause !== undefined && isNobody(cause));
}
