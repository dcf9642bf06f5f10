import type { Off } from "../service/emitter.ts";

/** What a service wants done when the app is closed. */
export class Closers {
  readonly #listeners = new Set<() => unknown>();

  /** Adds a listener; what it returns takes it off again. */
  add(listener: () => unknown): Off {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Calls all of them, one after the other, once.
   *
   * @param failed hears of those that fail; the others go on
   */
  async run(failed: (error: unknown) => void): Promise<void> {
    for (const listener of this.#listeners) {
      try {
        await listener();
      } catch (error) {
        failed(error);
      }
    }
    this.#listeners.clear();
  }
}
