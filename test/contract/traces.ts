/** What a handler did, for a client to ask about. */
export interface Trace {
  /** Items that it made. */
  readonly produced: number;
  /** Items that it took. */
  readonly taken: number;
  /** Whether its signal was aborted. */
  readonly aborted: boolean;
  /** Whether it came to its end: a generator's `finally`, say. */
  readonly ended: boolean;
}

type Change = { -readonly [Key in keyof Trace]?: Trace[Key] };

/** What handlers did, each under the key that its caller chose. */
export class Traces {
  readonly #traces = new Map<string, Trace>();
  readonly #waiting = new Set<() => void>();

  get(key: string): Trace {
    return this.#traces.get(key) ?? { produced: 0, taken: 0, aborted: false, ended: false };
  }

  set(key: string, change: Change): void {
    this.#traces.set(key, { ...this.get(key), ...change });
    for (const look of this.#waiting) look();
  }

  /** Resolves when a trace is as wanted. */
  when(key: string, wanted: (trace: Trace) => boolean): Promise<Trace> {
    return new Promise((resolve) => {
      const look = (): void => {
        const trace = this.get(key);
        if (!wanted(trace)) return;
        this.#waiting.delete(look);
        resolve(trace);
      };
      this.#waiting.add(look);
      look();
    });
  }
}
