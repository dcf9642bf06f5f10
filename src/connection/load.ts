/** How much a peer's calls and items may weigh. */
export interface LoadLimits {
  /** Calls of the peer that may have items on their way, either way. */
  readonly streams: number;
  /** What the peer's items and messages may hold in memory until they are taken, in bytes or characters. */
  readonly held: number;
  /** Calls of the peer that may be at work, those included that it no longer wants. */
  readonly calls: number;
}

/** What a peer's calls, items and messages weigh on this end, all together. */
export class Load {
  readonly #limits: LoadLimits;
  #streams = 0;
  #held = 0;
  #working = 0;

  /** @param limits how much it may be */
  constructor(limits: LoadLimits) {
    this.#limits = limits;
  }

  /** Whether as many calls are at work as may be: one that was cancelled goes on for as long as its handler likes. */
  get busy(): boolean {
    return this.#working >= this.#limits.calls;
  }

  /** Counts a call whose handler, or what stands before it, is at work. */
  begin(): void {
    this.#working++;
  }

  /** Counts it no longer. */
  end(): void {
    this.#working--;
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
