import type { Frame } from "../wire/frames.ts";
import type { First, Turn } from "./turn.ts";

/** Takes what many are sent alike. */
export interface Taker {
  /**
   * Sends frames when the turn is over. Never throws.
   *
   * @param frames nobody's to change
   * @param size what they weigh, in bytes or characters
   */
  take(frames: readonly Frame[], size: number): void;
}

/** So much goes out at once at the latest, in frames and in bytes or characters: it is not bounded by anybody's limits. */
const MOST_FRAMES = 256;
const MOST_SIZE = 65_536;

/**
 * What many are sent alike during a turn, until it is over: then each of them is given all of it at once, so that what it
 * costs to come to each of thousands is paid once a turn and not once a message, and all have the same list of frames.
 *
 * Nobody sees it: whoever is sent something else, or joins or leaves, is first given what it has been sent before.
 */
export class Volley implements First {
  /** Whether there is anything. */
  pending = false;
  readonly #turn: Turn;
  #group: Group<Taker> | undefined;
  #frames: Frame[] = [];
  #size = 0;
  /** Those that were given the first frames already, and how many. */
  readonly #ahead = new Map<unknown, number>();

  /** @param turn ends with a flush of this, before all others */
  constructor(turn: Turn) {
    this.#turn = turn;
    turn.first = this;
  }

  /** Sends a frame, none of a call, to all of a group. */
  add(group: Group<Taker>, frame: Frame): void {
    if (group.size === 0) return;
    // Those of two groups have one order, too.
    if (this.#group !== group || this.#frames.length >= MOST_FRAMES || this.#size > MOST_SIZE) this.flush();
    this.#group = group;
    this.#frames.push(frame);
    this.#size += frame.length;
    if (this.pending) return;
    this.pending = true;
    this.#turn.wait();
  }

  /** Gives one of them what it has been sent, if it has: something else is on its way to it. */
  catchUp(who: unknown): void {
    if (!this.#group?.has(who as Taker)) return;
    const given = this.#ahead.get(who) ?? 0;
    if (given === this.#frames.length) return;
    this.#ahead.set(who, this.#frames.length);
    takeRest(who as Taker, this.#frames, given);
  }

  /** A group is about to change: those who are in it are given what they have been sent. */
  settle(group: Group<Taker>): void {
    if (this.#group === group) this.flush();
  }

  flush(): void {
    const group = this.#group;
    if (group === undefined) return;
    const frames = this.#frames;
    const size = this.#size;
    this.#group = undefined;
    this.pending = false;
    this.#frames = [];
    this.#size = 0;
    if (this.#ahead.size === 0) {
      for (const taker of group) taker.take(frames, size);
      return;
    }
    const ahead = new Map(this.#ahead);
    this.#ahead.clear();
    for (const taker of group) {
      const given = ahead.get(taker);
      if (given === undefined) taker.take(frames, size);
      else if (given < frames.length) takeRest(taker, frames, given);
    }
  }
}

/** Those who are sent the same. */
export class Group<Member extends Taker> extends Set<Member> {
  readonly #volley: Volley;

  /** @param volley what they are sent during a turn */
  constructor(volley: Volley) {
    super();
    this.#volley = volley;
  }

  override add(member: Member): this {
    this.#volley.settle(this);
    return super.add(member);
  }

  override delete(member: Member): boolean {
    this.#volley.settle(this);
    return super.delete(member);
  }

  override clear(): void {
    this.#volley.settle(this);
    super.clear();
  }

  /** Sends a frame, none of a call, to all of them when the turn is over. */
  send(frame: Frame): void {
    this.#volley.add(this, frame);
  }
}

function takeRest(taker: Taker, frames: readonly Frame[], given: number): void {
  const rest = frames.slice(given);
  let size = 0;
  for (const { length } of rest) size += length;
  taker.take(rest, size);
}
