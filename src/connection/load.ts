/** How much a peer's calls and items may weigh. */
export interface LoadLimits {
  /** Calls of the peer that may have items on their way, either way. */
  readonly streams: number;
  /** What the peer's items and messages may hold in memory until they are taken, in bytes or characters. */
  readonly held: number;
  /** Calls of the peer that may be at work, those included that it no longer wants. */
  readonly calls: number;
}

/** A call of the peer's, as far as items are on their way for it. */
export interface Streaming {
  /** Which ways they are: 0, 1 in, 2 out, or 3. Those that are not 0 count. */
  ways: number;
  /** Whether the last that come in are there. */
  readonly finished: boolean;
  /** Whether some of them wait to be taken. */
  readonly waiting: boolean;
}

/** A call of either end, as far as items come in for it. */
export interface Weighed {
  /** What those that wait to be taken weigh, in order. */
  sizes: number[] | undefined;
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

  /** Counts what an item of a call holds until it is taken. */
  arrived(call: Weighed, size: number): void {
    (call.sizes ??= []).push(size);
    this.#held += size;
  }

  /** Counts it no longer. */
  took(call: Weighed & Partial<Streaming>): void {
    this.#held -= call.sizes?.shift() ?? 0;
    if (call.finished) this.drained(call as Streaming);
  }

  /** Whether an item more of this size may be held. */
  hasRoom(size: number): boolean {
    return this.#held + size <= this.#limits.held;
  }

  /**
   * Takes note that items of a call begin to be on their way.
   *
   * @param call the call
   * @param way 1 in, 2 out
   * @returns false where the peer has as many such calls as it may: then it is not counted
   */
  stream(call: Streaming, way: number): boolean {
    if (call.ways === 0) {
      if (this.#streams >= this.#limits.streams) return false;
      this.#streams++;
    }
    call.ways |= way;
    return true;
  }

  /** Takes note that none are on their way any more in some of the ways. */
  unstream(call: Streaming, ways: number): void {
    if (call.ways !== 0 && (call.ways &= ~ways) === 0) this.#streams--;
  }

  /** Items come in no longer once the last is there, and all of them are taken. */
  drained(call: Streaming): void {
    if (call.finished && !call.waiting) this.unstream(call, 1);
  }
}
