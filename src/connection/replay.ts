import type { Frame } from "../wire/frames.ts";

/** Frames that were given to a socket and not acknowledged yet, oldest first: what a next socket replays. */
export class Replay {
  /** How many there are. */
  count = 0;
  /** What they weigh, in bytes or characters. */
  size = 0;
  /** As they were given to sockets, so that keeping them copies nothing, and what each of these turns weighs. */
  readonly #turns: (readonly Frame[])[] = [];
  readonly #sizes: number[] = [];
  /** How many of the first turn's frames are gone already. */
  #gone = 0;

  /**
   * Keeps frames behind those that are there.
   *
   * @param frames at least one, from now on nobody else's to change
   * @param size what they weigh
   */
  keep(frames: readonly Frame[], size: number): void {
    this.#turns.push(frames);
    this.#sizes.push(size);
    this.count += frames.length;
    this.size += size;
  }

  /** @param count how many of the oldest to let go of, at most as many as there are */
  release(count: number): void {
    this.count -= count;
    let left = count;
    while (left > 0) {
      const frames = this.#turns[0]!;
      const rest = frames.length - this.#gone;
      if (left < rest) return this.#releaseSome(frames, left);
      // Whole turns are let go of without a look at each frame.
      this.size -= this.#sizes[0]!;
      this.#turns.shift();
      this.#sizes.shift();
      this.#gone = 0;
      left -= rest;
    }
  }

  #releaseSome(frames: readonly Frame[], count: number): void {
    let size = 0;
    for (let i = 0; i < count; i++) size += frames[this.#gone++]!.length;
    this.#sizes[0]! -= size;
    this.size -= size;
  }

  /** @returns all that are there, for a socket that begins */
  all(): Frame[] {
    return this.#turns.flat().slice(this.#gone);
  }
}
