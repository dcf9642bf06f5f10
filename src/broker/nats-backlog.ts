/** When so much was given, it is found out how much of it was read, in bytes. */
const LOOK = 1_048_576;

/** What was given to a connection and its server may not have read: it fills memory, also where nobody waits for it any more. */
export class Backlog {
  readonly #most: number;
  readonly #flush: () => Promise<void>;
  #bytes = 0;
  #reading: Promise<void> | undefined;
  /** How often the connection was lost. */
  #losses = 0;

  /**
   * @param most how much there may be, in bytes; what is longer goes alone
   * @param flush resolves when the server has read all that it was given before
   */
  constructor(most: number, flush: () => Promise<void>) {
    this.#most = most;
    this.#flush = flush;
  }

  /** Whether there is room for so much more. */
  fits(size: number): boolean {
    return this.#bytes === 0 || this.#bytes + size <= this.#most;
  }

  /** Something is given to the connection. */
  add(size: number): void {
    this.#bytes += size;
    if (this.#bytes > Math.min(LOOK, this.#most)) void this.read();
  }

  /** Resolves when the server has read what it was given by now, or by when this was last asked for. */
  read(): Promise<void> {
    return (this.#reading ??= this.#read());
  }

  async #read(): Promise<void> {
    const given = this.#bytes;
    const losses = this.#losses;
    try {
      await this.#flush();
    } catch {
      // The connection is closed: it holds nothing.
    }
    if (losses !== this.#losses) return;
    this.#reading = undefined;
    this.#bytes -= given;
  }

  /** The connection is lost, with all that it held. */
  clear(): void {
    this.#losses++;
    this.#bytes = 0;
    this.#reading = undefined;
  }
}
