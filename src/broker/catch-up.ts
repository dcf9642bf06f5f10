import type { Clock, Timer } from "../wire/clock.ts";

/** How long what came too soon waits for what is before it, in ms: longer than a shuffle on the way takes. */
export const PATIENCE = 50;

/** How many that came too soon, of one channel, wait for those before them: 1,024. */
export const MOST_AHEAD = 1024;

/** After how long it is read again where it could not be, in ms: longer and longer, and each time up to half of it less. */
const RETRY = { first: 100, most: 5_000 };

/** Reads what is missing: one read at a time, and again where it failed. */
export class CatchUp {
  readonly #clock: Clock;
  readonly #read: () => Promise<void>;
  readonly #done: () => void;
  #running: Promise<void> = Promise.resolve();
  #busy = false;
  #again = false;
  #failure: { readonly error: unknown } | undefined;
  #retry = RETRY.first;
  #timer: Timer | undefined;
  #closed = false;

  /**
   * @param clock for how long it waits
   * @param read reads once; may ask for another read by `now`
   * @param done called when it was read, and nobody has asked for more
   */
  constructor(clock: Clock, read: () => Promise<void>, done: () => void) {
    this.#clock = clock;
    this.#read = read;
    this.#done = done;
  }

  /** Whether another read was asked for while there is one. */
  get again(): boolean {
    return this.#again;
  }

  /** Why it could not be read the last time; the broker has said it. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** Reads in a while, unless it reads now, or tries again anyway. */
  soon(): void {
    if (!this.#busy) this.#wait(PATIENCE);
  }

  /**
   * Reads, and once more if it reads already: what was heard before is in that.
   *
   * @returns settles when it was read, or could not be
   */
  now(): Promise<void> {
    this.#again = true;
    if (!this.#busy && !this.#closed) this.#running = this.#run();
    return this.#running;
  }

  /** Reads no more. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #run(): Promise<void> {
    this.#busy = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    try {
      while (this.#again && !this.#closed) {
        this.#again = false;
        await this.#read();
      }
      this.#failure = undefined;
      this.#retry = RETRY.first;
    } catch (error) {
      this.#failure = { error };
    }
    this.#busy = false;
    if (this.#failure === undefined) return this.#done();
    this.#wait(this.#retry * (0.5 + this.#clock.random() / 2));
    this.#retry = Math.min(this.#retry * 2, RETRY.most);
  }

  #wait(ms: number): void {
    if (this.#closed) return;
    this.#timer ??= this.#clock.setTimer(() => void this.now(), ms);
  }
}
