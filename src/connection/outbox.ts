import { PROTOCOL_ERROR } from "../wire/close-codes.ts";
import { WireError } from "../wire/errors.ts";
import type { Frame } from "../wire/frames.ts";
import { MAX_NUMBER } from "../wire/numbers.ts";
import type { OutboxLimits, ParkedOutbox } from "./options.ts";
import { Replay } from "./replay.ts";
import { isCall, Waiting } from "./waiting.ts";

/** The age that an offered count may have, in frames: what is further back is not older, but impossible. */
const HALF = 2 ** 30;

/**
 * What an end sends: frames wait here until the turn is over, and, once given to a socket, are kept until the peer has
 * acknowledged them (PROTOCOL.md, "Counting").
 */
export class Outbox {
  /** Counted frames given to a socket so far, modulo 2^31. */
  sent = 0;
  /** Whether frames are kept at all. */
  keeps = false;
  /** Whether the peer is known to acknowledge: only then are frames held back until it does. */
  heard: boolean;
  readonly #limits: OutboxLimits;
  #acknowledged = 0;
  /** As `sent`, but it does not go round. */
  #total = 0;
  #kept: Replay | undefined;
  readonly #waiting = new Waiting();
  #replays = false;
  #waiters: (() => void)[] | undefined;

  /**
   * @param limits how much there may be
   * @param heard whether the peer is known to acknowledge
   */
  constructor(limits: OutboxLimits, heard: boolean) {
    this.#limits = limits;
    this.heard = heard;
  }

  /** Whether there is anything to give to a socket. */
  get due(): boolean {
    return this.#replays || this.#waiting.frames.length > 0;
  }

  /** What waits to be given to a socket, in bytes or characters. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Whether those who can wait may go on: half is left for what cannot. */
  get roomy(): boolean {
    // One who may never acknowledge would be waited for without end: for such a one the oldest are forgotten.
    if (!this.keeps || !this.heard) return true;
    const { replayFrames, replayLimit } = this.#limits;
    const { count, size } = this.#kept ?? NOTHING;
    const { frames, size: more } = this.#waiting;
    return count + frames.length < replayFrames / 2 && size + more < replayLimit / 2;
  }

  /** Waits until {@linkcode Outbox.roomy}; whoever comes back looks again, since others do, too. */
  room(): Promise<void> {
    return new Promise((resolve) => (this.#waiters ??= []).push(resolve));
  }

  /** Lets those who wait for room look again. */
  wake(): void {
    const waiters = this.#waiters;
    this.#waiters = undefined;
    if (waiters !== undefined) for (const resolve of waiters) resolve();
  }

  /**
   * Adds a frame behind what waits.
   *
   * @param frame the frame
   * @param attached whether there is a socket
   * @returns false where too much waits already: then it is not added
   */
  push(frame: Frame, attached: boolean): boolean {
    if (!this.#fits(0, 1, attached)) return false;
    this.#waiting.push(frame);
    return true;
  }

  /**
   * Adds frames that others are sent, too, behind what waits.
   *
   * @param frames none of them calls, and nobody's to change
   * @param size what they weigh
   * @param attached whether there is a socket
   * @returns false where that may be too much: then none is added
   */
  pushAll(frames: readonly Frame[], size: number, attached: boolean): boolean {
    if (!this.#fits(size, frames.length, attached)) return false;
    this.#waiting.pushAll(frames, size);
    return true;
  }

  /** Adds a frame, however much waits: one that came from elsewhere, or says what becomes of a call. */
  force(frame: Frame): void {
    this.#waiting.push(frame);
  }

  /** Adds a call, which is bounded by how many calls there may be and not by what else waits. */
  pushCall(frame: Frame): void {
    this.#waiting.pushCall(frame);
  }

  /** Whether as much more may wait; the last of it may be over the limit. */
  #fits(more: number, frames: number, attached: boolean): boolean {
    const { sendLimit, replayLimit, replayFrames } = this.#limits;
    if (sendLimit === Infinity) return true;
    const { size: all, callSize, calls } = this.#waiting;
    const waits = all - callSize + more;
    if (attached) return waits <= sendLimit;
    const { count, size } = this.#kept ?? NOTHING;
    return size + waits < replayLimit && count + this.#waiting.frames.length - calls + frames <= replayFrames;
  }

  /** Hands over what a socket is to be given now: all of it, or as much as may be kept. */
  take(): readonly Frame[] {
    const again = this.#replays ? this.#kept?.all() : undefined;
    this.#replays = false;
    if (this.#waiting.frames.length === 0) return again ?? NONE;
    const fresh = this.keeps ? this.#keep() : this.#waiting.take();
    this.sent = (this.sent + fresh.length) & MAX_NUMBER;
    this.#total += fresh.length;
    return again === undefined ? fresh : again.concat(fresh);
  }

  #keep(): readonly Frame[] {
    const { replayFrames, replayLimit } = this.#limits;
    const kept = (this.#kept ??= new Replay());
    const { frames: waiting, size } = this.#waiting;
    const fits = kept.count + waiting.length <= replayFrames && kept.size + size <= replayLimit;
    if (fits || !this.heard) {
      const frames = this.#waiting.take();
      kept.keep(frames, size);
      // It goes on working, and loses only what it could have resumed from.
      while (kept.count > 1 && (kept.count > replayFrames || kept.size > replayLimit)) kept.release(1);
      return frames;
    }
    return this.#keepSome(kept);
  }

  #keepSome(kept: Replay): readonly Frame[] {
    const { replayFrames, replayLimit } = this.#limits;
    let count = 0;
    let size = 0;
    for (const frame of this.#waiting.frames) {
      const over = kept.count + count >= replayFrames || kept.size + size + frame.length > replayLimit;
      // One that is longer than all that may be kept goes alone.
      if (over && kept.count + count > 0) break;
      count++;
      size += frame.length;
    }
    const frames = this.#waiting.takeSome(count);
    if (count > 0) kept.keep(frames, size);
    return frames;
  }

  /**
   * Takes the peer's count of frames received.
   *
   * @throws {WireError} 1002 if it is not between the last acknowledged and the last sent
   */
  acknowledge(count: number): void {
    if (((count - this.#acknowledged) & MAX_NUMBER) > ((this.sent - this.#acknowledged) & MAX_NUMBER)) {
      throw new WireError(PROTOCOL_ERROR, "Acknowledgement out of range");
    }
    this.heard = true;
    this.#acknowledged = count;
    this.#release(count);
    if (this.#waiters !== undefined && this.roomy) this.wake();
  }

  /** What was forgotten may have been acknowledged only now. */
  #release(count: number): void {
    const kept = this.#kept;
    if (kept === undefined) return;
    const known = (count - this.#base) & MAX_NUMBER;
    if (known <= kept.count) kept.release(known);
  }

  /** The count of frames up to which none is kept any more. */
  get #base(): number {
    return (this.sent - (this.#kept?.count ?? 0)) & MAX_NUMBER;
  }

  /**
   * From which count on a peer can go on that offers its own (PROTOCOL.md, "Resuming").
   *
   * @param count how many frames it says that it has received
   * @returns the count, or that of what it has acknowledged since; `undefined` where it cannot be
   */
  offered(count: number): number | undefined {
    const base = this.#base;
    if (((count - base) & MAX_NUMBER) <= ((this.sent - base) & MAX_NUMBER)) return count;
    // Older than the first there is none.
    const age = (base - count) & MAX_NUMBER;
    const older = base === this.#acknowledged && age < HALF && age <= this.#total - (this.#kept?.count ?? 0);
    return older ? base : undefined;
  }

  /** Has what is kept from a count on given to the next socket, before all else: the peer has what came before. */
  replay(from: number): void {
    this.#release(from);
    this.#acknowledged = from;
    this.#replays = (this.#kept?.count ?? 0) > 0;
    if (this.roomy) this.wake();
  }

  /** Forgets everything. */
  clear(): void {
    this.#waiting.take();
    this.#kept = undefined;
    this.#replays = false;
    this.wake();
  }

  /** Hands over what another server goes on with. */
  park(): ParkedOutbox {
    return {
      sent: this.sent,
      total: this.#total,
      acknowledged: this.#acknowledged,
      heard: this.heard,
      kept: this.#kept?.all() ?? NONE,
      waiting: this.#waiting.frames,
    };
  }

  /** Takes over what another server has handed over. */
  unpark({ sent, total, acknowledged, heard, kept, waiting }: ParkedOutbox): void {
    this.sent = sent;
    this.#total = total;
    this.#acknowledged = acknowledged;
    this.heard = heard;
    this.keeps = true;
    const size = kept.reduce((sum, { length }) => sum + length, 0);
    if (kept.length > 0) (this.#kept = new Replay()).keep(kept, size);
    for (const frame of waiting) {
      if (isCall(frame)) this.pushCall(frame);
      else this.force(frame);
    }
  }
}

const NONE: readonly Frame[] = [];
const NOTHING = { count: 0, size: 0 };
