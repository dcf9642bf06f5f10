import type { Clock } from "../wire/clock.ts";
import { PrismError } from "../wire/errors.ts";
import type { SessionRecord, SessionStore } from "./session-store.ts";

/**
 * A store that has answered nobody for as long as one operation may take is left alone for so long, in ms: those who wait
 * in a line must not each wait as long.
 */
const REST = 1_000;

/** A store that is asked for only so long: what fails or hangs beneath it fails with `unavailable`, and is told once. */
export class PatientStore {
  readonly #store: SessionStore;
  readonly #clock: Clock;
  readonly #timeout: number;
  readonly #tell: (message: string, error?: unknown) => void;
  #failing = false;
  #restsUntil = -Infinity;
  #answeredAt = -Infinity;

  /**
   * @param store the store
   * @param clock the time
   * @param timeout how long an operation may take, in ms
   * @param tell hears that the store fails, and that it works again
   */
  constructor(store: SessionStore, clock: Clock, timeout: number, tell: (message: string, error?: unknown) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#timeout = timeout;
    this.#tell = tell;
  }

  /** See {@linkcode SessionStore.read}. */
  read(id: string): Promise<SessionRecord | undefined> {
    return this.#ask(id, () => this.#store.read(id));
  }

  /** See {@linkcode SessionStore.write}. */
  write(id: string, record: SessionRecord | undefined, expected: number, ttl: number): Promise<boolean> {
    return this.#ask(id, () => this.#store.write(id, record, expected, Math.max(1, ttl)));
  }

  #ask<Result>(id: string, run: () => Promise<Result>): Promise<Result> {
    if (this.#clock.now() < this.#restsUntil) return Promise.reject(unavailable());
    const askedAt = this.#clock.now();
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        if (!this.#failing) this.#tell("The session store fails", error);
        this.#failing = true;
        reject(unavailable());
      };
      const timer = this.#clock.setTimer(() => {
        this.#store.giveUp?.(id);
        // It may be this one record alone that it hangs at.
        if (this.#answeredAt <= askedAt) this.#restsUntil = this.#clock.now() + REST;
        fail(new Error(`No answer in ${this.#timeout} ms`));
      }, this.#timeout);
      // An async function, so that a store that throws is one that rejects.
      (async () => run())().then(
        (result) => {
          timer.cancel();
          this.#answeredAt = this.#clock.now();
          if (this.#failing) this.#tell("The session store works again");
          this.#failing = false;
          resolve(result);
        },
        (error: unknown) => {
          timer.cancel();
          fail(error);
        },
      );
    });
  }
}

function unavailable(): PrismError {
  return new PrismError("unavailable", "The session store does not answer");
}
