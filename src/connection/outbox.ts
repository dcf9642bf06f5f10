import { PROTOCOL_ERROR } from "../wire/close-codes.ts";
import { WireError } from "../wire/errors.ts";
import type { Frame } from "../wire/frames.ts";
import { MAX_NUMBER } from "../wire/numbers.ts";
import type { OutboxLimits } from "./options.ts";
import { Replay } from "./replay.ts";

/**
 * What an end sends: frames wait here until the turn is over, and, once given to a socket, are kept until the peer has
 * acknowledged them (PROTOCOL.md, "Counting").
 */
export class Outbox {
  /** Counted frames given to a socket so far, modulo 2^31. */
  sent = 0;
  /** Whether frames are kept at all. */
  keeps = false;
  /** What waits to be given to a socket, in bytes or characters. */
  size = 0;
  /** The frames that weigh so much, in order. */
  protected frames: Frame[] = [];
  protected acknowledged = 0;
  protected kept: Replay = NOTHING;
  protected readonly limits: OutboxLimits;
  #replays = false;
  #waiters: (() => void)[] | undefined;

  /** @param limits how much there may be */
  constructor(limits: OutboxLimits) {
    this.limits = limits;
  }

  /** Whether frames are held back until those before them are acknowledged. */
  protected get bounded(): boolean {
    return this.keeps;
  }

  /** Whether there is anything to give to a socket. */
  get due(): boolean {
    return this.#replays || this.frames.length > 0;
  }

  /** Whether those who can wait may go on: half is left for what cannot. */
  get roomy(): boolean {
    const { kept, limits } = this;
    const count = kept.count + this.frames.length;
    return !this.bounded || (count < limits.replayFrames / 2 && kept.size + this.size < limits.replayLimit / 2);
  }

  /** Waits until {@linkcode Outbox.roomy}; whoever comes back looks again, since others do, too. */
  room(): Promise<void> {
    return new Promise((resolve) => (this.#waiters ??= []).push(resolve));
  }

  /** Lets those who wait for room look again. */
  wake(): void {
    const waiters = this.#waiters;
    this.#waiters = undefined;
    waiters?.forEach((resolve) => resolve());
  }

  /** Adds a frame behind what waits. */
  push(frame: Frame): void {
    this.frames.push(frame);
    this.size += frame.length;
  }

  /** Hands over what a socket is to be given now: all of it, or as much as may be kept. */
  take(): readonly Frame[] {
    const again = this.#replays ? this.kept.all() : NONE;
    this.#replays = false;
    const { size } = this;
    const fresh = this.pull(this.#count());
    if (fresh.length === 0) return again;
    this.sent = (this.sent + fresh.length) & MAX_NUMBER;
    if (this.keeps) this.keep(fresh, size - this.size);
    return again.length === 0 ? fresh : again.concat(fresh);
  }

  /** Takes the first ones of those that wait. */
  protected pull(count: number): readonly Frame[] {
    const first = this.frames.splice(0, count);
    for (const frame of first) this.size -= frame.length;
    return first;
  }

  /** How many of those that wait a socket may be given. */
  #count(): number {
    const { frames, limits } = this;
    let { count, size } = this.kept;
    const fits = count + frames.length <= limits.replayFrames && size + this.size <= limits.replayLimit;
    if (fits || !this.bounded) return frames.length;
    let fitting = 0;
    for (const frame of frames) {
      size += frame.length;
      // One that is longer than all that may be kept goes alone.
      if (++count > 1 && (count > limits.replayFrames || size > limits.replayLimit)) break;
      fitting++;
    }
    return fitting;
  }

  /** Keeps frames that a socket is given, until they are acknowledged. */
  protected keep(frames: readonly Frame[], size: number): void {
    if (this.kept === NOTHING) this.kept = new Replay();
    this.kept.keep(frames, size);
  }

  /**
   * Takes the peer's count of frames received.
   *
   * @throws {WireError} 1002 if it is not between the last acknowledged and the last sent
   */
  acknowledge(count: number): void {
    if (((count - this.acknowledged) & MAX_NUMBER) > ((this.sent - this.acknowledged) & MAX_NUMBER)) {
      throw new WireError(PROTOCOL_ERROR, "Count out of range");
    }
    this.#release(count);
    if (this.#waiters !== undefined && this.roomy) this.wake();
  }

  #release(count: number): void {
    const { kept } = this;
    this.acknowledged = count;
    const known = (count - this.base) & MAX_NUMBER;
    // What was forgotten may have been acknowledged only now.
    if (known <= kept.count) kept.release(known);
  }

  /** The count of frames up to which none is kept any more. */
  protected get base(): number {
    return (this.sent - this.kept.count) & MAX_NUMBER;
  }

  /** Has what is kept from a count on given to the next socket, before all else: the peer has what came before. */
  replay(from: number): void {
    this.#release(from);
    this.#replays = this.kept.count > 0;
    if (this.roomy) this.wake();
  }

  /** Forgets everything. */
  clear(): void {
    this.pull(this.frames.length);
    this.kept = NOTHING;
    this.#replays = false;
    this.wake();
  }
}

/** What nobody adds to. */
export const NONE: readonly Frame[] = [];
/** What is kept where nothing is. */
const NOTHING = /* @__PURE__ */ new Replay();
