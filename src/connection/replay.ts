import type { Frame } from "../wire/frames.ts";

/** As many of the oldest places may be empty before the others move up, where that is half of them. */
const SLACK = 64;

/** Frames that were given to a socket and not acknowledged yet, oldest first: what a next socket replays. */
export class Replay {
  /** What they weigh, in bytes or characters. */
  size = 0;
  /** In one row, so that a turn's own list is not kept: what lives for long is dear to collect. */
  #frames: Frame[] = [];
  /** How many of the first are gone already. */
  #gone = 0;

  /** How many there are. */
  get count(): number {
    return this.#frames.length - this.#gone;
  }

  /**
   * Keeps frames behind those that are there.
   *
   * @param frames what was given to a socket
   * @param size what they weigh
   */
  keep(frames: readonly Frame[], size: number): void {
    for (let i = 0; i < frames.length; i++) this.#frames.push(frames[i]!);
    this.size += size;
  }

  /** @param count how many of the oldest to let go of, at most as many as there are */
  release(count: number): void {
    const frames = this.#frames;
    if (count === frames.length - this.#gone) {
      this.#frames = [];
      this.#gone = this.size = 0;
      return;
    }
    const end = this.#gone + count;
    for (; this.#gone < end; this.#gone++) {
      this.size -= frames[this.#gone]!.length;
      frames[this.#gone] = "";
    }
    if (end < SLACK || end * 2 < frames.length) return;
    frames.splice(0, end);
    this.#gone = 0;
  }

  /** @returns all that are there, for a socket that begins */
  all(): Frame[] {
    return this.#frames.slice(this.#gone);
  }
}
