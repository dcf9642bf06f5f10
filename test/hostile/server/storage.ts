import type { Driver } from "unstorage";

/** What befalls the operations of a storage. */
export interface Fault {
  readonly how: "none" | "throws" | "rejects" | "hangs";
  /** Every so many operations; 1 is all of them. */
  readonly every: number;
  /** Whether what was asked is done all the same, and only the answer lost. */
  readonly done?: boolean;
}

export const healthy: Fault = { how: "none", every: 1 };

/** A driver of unstorage, which calls its members unbound, that keeps everything in memory, until somebody has it fail. */
export class FaultyDriver implements Driver {
  readonly name = "faulty";
  readonly values: Map<string, string> = new Map();
  fault: Fault = healthy;
  /** Stands in the way of everything, while it is there. */
  gate: (() => Promise<void>) | undefined;
  #count = 0;

  readonly hasItem = (key: string): Promise<boolean> => this.#run(() => this.values.has(key));

  readonly getItem = (key: string): Promise<string | null> => this.#run(() => this.values.get(key) ?? null);

  readonly setItem = (key: string, value: string): Promise<void> => this.#run(() => void this.values.set(key, value));

  readonly removeItem = (key: string): Promise<void> => this.#run(() => void this.values.delete(key));

  readonly getKeys = (): Promise<string[]> => this.#run(() => [...this.values.keys()]);

  #run<Result>(run: () => Result): Promise<Result> {
    const { how, every, done = false } = this.fault;
    if (how === "none" || ++this.#count % every > 0) return this.#late(run);
    if (done) run();
    if (how === "throws") throw new Error("The store is broken");
    return how === "rejects" ? Promise.reject(new Error("The store is down")) : new Promise(() => {});
  }

  async #late<Result>(run: () => Result): Promise<Result> {
    await this.gate?.();
    return run();
  }
}
