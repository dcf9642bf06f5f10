import { CALL, type Frame } from "../wire/frames.ts";

/** Frames that wait to be given to a socket. */
export class Waiting {
  /** In order; from outside to be read only. */
  frames: readonly Frame[] = NONE;
  /** What they weigh, in bytes or characters. */
  size = 0;
  /** How many of them are calls, which could wait longer, and what these weigh. */
  calls = 0;
  callSize = 0;
  /** The list, where it is nobody else's. */
  #own: Frame[] | undefined;

  /** Adds a frame behind the others. */
  push(frame: Frame): void {
    if (this.#own === undefined) this.frames = this.#own = this.frames.slice();
    this.#own.push(frame);
    this.size += frame.length;
  }

  /** Adds a call behind the others. */
  pushCall(frame: Frame): void {
    this.push(frame);
    this.callSize += frame.length;
    this.calls++;
  }

  /**
   * Adds frames behind the others.
   *
   * @param frames none of them calls, and nobody's to change: where nothing waits, they are what waits
   * @param size what they weigh
   */
  pushAll(frames: readonly Frame[], size: number): void {
    if (this.frames.length === 0) {
      this.frames = frames;
      this.#own = undefined;
      this.size = size;
    } else for (const frame of frames) this.push(frame);
  }

  /** Hands over all of them. */
  take(): readonly Frame[] {
    const { frames } = this;
    this.frames = NONE;
    this.#own = undefined;
    this.size = this.callSize = this.calls = 0;
    return frames;
  }

  /** Hands over the first ones. */
  takeSome(count: number): readonly Frame[] {
    const { frames } = this;
    const first = frames.slice(0, count);
    this.frames = this.#own = frames.slice(count);
    for (const frame of first) {
      this.size -= frame.length;
      if (!isCall(frame)) continue;
      this.calls--;
      this.callSize -= frame.length;
    }
    return first;
  }
}

const NONE: readonly Frame[] = [];

/** Whether a frame is a call. */
export function isCall(frame: Frame): boolean {
  return (typeof frame === "string" ? frame.charCodeAt(0) : frame[0]) === CALL;
}
