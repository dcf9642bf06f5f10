import type { Frame } from "../wire/frames.ts";
import { CALL } from "../wire/kinds.ts";
import { MAX_NUMBER } from "../wire/numbers.ts";
import type { ParkedOutbox, ServerOutboxLimits } from "./options.ts";
import { NONE, Outbox } from "./outbox.ts";
import { Replay } from "./replay.ts";

/** The age that an offered count may have, in frames: what is further back is not older, but impossible. */
const HALF = 2 ** 30;

/**
 * The outbox of an end that does not answer for what it sends, a server's: what waits is bounded, may be what others are
 * sent, too, and goes to another server with what is kept.
 */
export class ServerOutbox extends Outbox {
  declare protected readonly limits: ServerOutboxLimits;
  /** Whether the peer is known to acknowledge: only then are frames held back until it does. */
  heard: boolean;
  /** Counted frames given to a socket so far, as `sent`, but it does not go round. */
  #total = 0;
  /** How many of those that wait are calls, which could wait longer, and what these weigh. */
  #calls = 0;
  #callSize = 0;
  /** Whether the list of those that wait is somebody else's, too. */
  #shared = true;

  /**
   * @param limits how much there may be
   * @param heard whether the peer is known to acknowledge
   */
  constructor(limits: ServerOutboxLimits, heard: boolean) {
    super(limits);
    this.heard = heard;
    this.frames = NONE as Frame[];
  }

  // One who may never acknowledge would be waited for without end: for such a one the oldest are forgotten.
  protected override get bounded(): boolean {
    return this.keeps && this.heard;
  }

  /**
   * Adds a frame behind what waits.
   *
   * @param frame the frame
   * @param attached whether there is a socket
   * @returns false where too much waits already: then it is not added
   */
  offer(frame: Frame, attached: boolean): boolean {
    if (!this.#fits(0, 1, attached)) return false;
    this.push(frame);
    return true;
  }

  /**
   * Adds frames that others are sent, too, behind what waits.
   *
   * @param frames none of them calls, and nobody's to change: where nothing waits, they are what waits
   * @param size what they weigh
   * @param attached whether there is a socket
   * @returns false where that may be too much: then none is added
   */
  offerAll(frames: readonly Frame[], size: number, attached: boolean): boolean {
    if (!this.#fits(size, frames.length, attached)) return false;
    if (this.frames.length === 0) {
      this.frames = frames as Frame[];
      this.size = size;
      this.#shared = true;
    } else for (const frame of frames) this.push(frame);
    return true;
  }

  /** Adds a frame, however much waits: one that came from elsewhere, or says what becomes of a call. */
  override push(frame: Frame): void {
    if (this.#shared) this.#unshare();
    this.frames.push(frame);
    this.size += frame.length;
  }

  /** Adds a call, which is bounded by how many calls there may be and not by what else waits. */
  pushCall(frame: Frame): void {
    this.push(frame);
    this.#callSize += frame.length;
    this.#calls++;
  }

  /** Whether as much more may wait; the last of it may be over the limit. */
  #fits(more: number, frames: number, attached: boolean): boolean {
    const { sendLimit, replayLimit, replayFrames } = this.limits;
    if (sendLimit === Infinity) return true;
    const waits = this.size - this.#callSize + more;
    if (attached) return waits <= sendLimit;
    const { count, size } = this.kept;
    return size + waits < replayLimit && count + this.frames.length - this.#calls + frames <= replayFrames;
  }

  #unshare(): void {
    this.frames = this.frames.slice();
    this.#shared = false;
  }

  protected override pull(count: number): readonly Frame[] {
    this.#total += count;
    if (count === this.frames.length) {
      const { frames } = this;
      this.frames = NONE as Frame[];
      this.#shared = true;
      this.size = this.#callSize = this.#calls = 0;
      return frames;
    }
    if (this.#shared) this.#unshare();
    const first = super.pull(count);
    for (const frame of first) {
      if (!isCall(frame)) continue;
      this.#calls--;
      this.#callSize -= frame.length;
    }
    return first;
  }

  protected override keep(frames: readonly Frame[], size: number): void {
    super.keep(frames, size);
    if (this.heard) return;
    const { kept, limits } = this;
    // It goes on working, and loses only what it could have resumed from.
    while (kept.count > 1 && (kept.count > limits.replayFrames || kept.size > limits.replayLimit)) kept.release(1);
  }

  override acknowledge(count: number): void {
    this.heard = true;
    super.acknowledge(count);
  }

  /**
   * From which count on a peer can go on that offers its own (PROTOCOL.md, "Resuming").
   *
   * @param count how many frames it says that it has received
   * @returns the count, or that of what it has acknowledged since; `undefined` where it cannot be
   */
  offered(count: number): number | undefined {
    const { base } = this;
    if (((count - base) & MAX_NUMBER) <= ((this.sent - base) & MAX_NUMBER)) return count;
    // Older than the first there is none.
    const age = (base - count) & MAX_NUMBER;
    const older = base === this.acknowledged && age < HALF && age <= this.#total - this.kept.count;
    return older ? base : undefined;
  }

  /** Hands over what another server goes on with. */
  park(): ParkedOutbox {
    return {
      sent: this.sent,
      total: this.#total,
      acknowledged: this.acknowledged,
      heard: this.heard,
      kept: this.kept.all(),
      waiting: this.frames,
    };
  }

  /** Takes over what another server has handed over. */
  unpark({ sent, total, acknowledged, heard, kept, waiting }: ParkedOutbox): void {
    this.sent = sent;
    this.#total = total;
    this.acknowledged = acknowledged;
    this.heard = heard;
    this.keeps = true;
    const size = kept.reduce((sum, { length }) => sum + length, 0);
    if (kept.length > 0) (this.kept = new Replay()).keep(kept, size);
    for (const frame of waiting) {
      if (isCall(frame)) this.pushCall(frame);
      else this.push(frame);
    }
  }
}

/** Whether a frame is a call. */
function isCall(frame: Frame): boolean {
  return (typeof frame === "string" ? frame.charCodeAt(0) : frame[0]) === CALL;
}
