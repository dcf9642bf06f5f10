/** How much a peer's items may weigh. */
export interface LoadLimits {
  /** Calls of the peer that may have items on their way, either way. */
  readonly streams: number;
  /** What the peer's items may hold in memory until they are taken, in bytes or characters. */
  readonly held: number;
}

/** What a peer's items weigh on this end, those of all calls together. */
export class Load {
  readonly #limits: LoadLimits;
  #streams = 0;
  #held = 0;

  /** @param limits how much it may be */
  constructor(limits: LoadLimits) {
    this.#limits = limits;
  }

  /** Counts what an item holds until it is taken, in bytes or characters; less than 0 gives back. */
  hold(size: number): void {
    this.#held += size;
  }

  /** Whether an item more of this size may be held. */
  hasRoom(size: number): boolean {
    return this.#held + size <= this.#limits.held;
  }

  /**
   * Counts a call of the peer's that begins to have items on their way.
   *
   * @returns false where the peer has as many as it may: then it is not counted
   */
  openStream(): boolean {
    if (this.#streams >= this.#limits.streams) return false;
    this.#streams++;
    return true;
  }

  /** Counts it no longer. */
  closeStream(): void {
    this.#streams--;
  }
}
