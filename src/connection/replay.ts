import type { Frame } from "../wire/frames.ts";

/** Frames that were given to a socket and not acknowledged yet, oldest first: what a next socket replays. */
export class Replay {
  /** How many there are. */
  count = 0;
  /** What they weigh, in bytes or characters. */
  size = 0;
  /** As they were given to sockets, so that keeping them copies nothing. */
  #turns: (readonly Frame[])[] = [];
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
    this.count += frames.length;
    this.size += size;
  }

  /** @param count how many of the oldest to let go of, at most as many as there are */
  release(count: number): void {
    this.count -= count;
    let turn = 0;
    for (let left = count; left > 0; left--) {
      const frames = this.#turns[turn]!;
      this.size -= frames[this.#gone++]!.length;
      if (this.#gone < frames.length) continue;
      this.#gone = 0;
      turn++;
    }
    if (turn > 0) this.#turns.splice(0, turn);
  }

  /** @returns all that are there, for a socket that begins */
  all(): Frame[] {
    return this.#turns.flat().slice(this.#gone);
  }
}
