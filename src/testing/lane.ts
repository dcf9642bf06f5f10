import type { Carrier, End, Item } from "../socket/end.ts";
import type { Clock, Timer } from "../wire/clock.ts";
import { Queue } from "./queue.ts";
import { checkBandwidth, checkLatency, drawLatency, type Direction, type Latency, type LineOptions } from "./line.ts";

/** The longest time that a timer takes, in ms; what is further away is looked at again then. */
const LONGEST = 0x7fffffff;

interface Parcel {
  readonly item: Item;
  readonly bytes: number;
  /** When it arrives at the earliest, on the clock; 0 until it is on its way. */
  at: number;
}

/** What the lanes of a network have in common. */
export interface LaneOwner {
  readonly clock: Clock;
  /** Decides whatever is left to chance. */
  readonly random: () => number;
  /** Hears that one of the two ends may be over. */
  changed(): void;
}

/** One direction of a line: first a queue into the network, which `bandwidth` empties, then the way, which `latency` makes long. */
export class Lane implements Carrier, Direction {
  bufferedAmount = 0;
  from!: End;
  to!: End;
  readonly #owner: LaneOwner;
  readonly #waiting = new Queue<Parcel>();
  readonly #under = new Queue<Parcel>();
  #latency: Latency = 0;
  #bandwidth = Infinity;
  /** When the network has taken the first that waits; undefined until it begins with it. */
  #takenAt: number | undefined;
  /** Whether bytes have waited since the sender last heard that none do. */
  #full = false;
  /** Whether nothing arrives any more, but a cut. */
  #dead = false;
  #stalled = false;
  #stall: Timer | undefined;
  #timer: Timer | undefined;
  #timerAt = Infinity;
  /** Whether it is to move when this turn is over. */
  #due = false;

  /**
   * @param owner the line
   * @param options how long the way is, and how wide
   */
  constructor(owner: LaneOwner, { latency, bandwidth }: LineOptions) {
    this.#owner = owner;
    if (latency !== undefined) this.latency = latency;
    if (bandwidth !== undefined) this.bandwidth = bandwidth;
  }

  get latency(): Latency {
    return this.#latency;
  }

  set latency(latency: Latency) {
    checkLatency(latency);
    this.#latency = latency;
  }

  get bandwidth(): number {
    return this.#bandwidth;
  }

  set bandwidth(bandwidth: number) {
    checkBandwidth(bandwidth);
    this.#bandwidth = bandwidth;
  }

  get messages(): number {
    return this.#waiting.length + this.#under.length;
  }

  carry(item: Item, bytes: number): void {
    if (!this.#dead) {
      this.bufferedAmount += bytes;
      if (bytes > 0) this.#full = true;
      this.#waiting.push({ item, bytes, at: 0 });
      this.#wake();
    }
    if (this.from.state !== "open") this.#owner.changed();
  }

  stall(ms?: number): void {
    if (this.to.state === "closed") return;
    this.#stall?.cancel();
    this.#stall = ms === undefined ? undefined : this.#owner.clock.setTimer(() => this.resume(), ms);
    this.#stalled = true;
    this.#takenAt = undefined;
    this.#schedule();
  }

  resume(): void {
    this.#stall?.cancel();
    this.#stalled = false;
    this.#wake();
  }

  silence(): void {
    this.resume();
    this.#dead = true;
    this.#empty();
    this.#schedule();
  }

  /** Cuts it: the receiver gets the first few of what is under way, and then hears 1006, within so many ms. */
  cut(within: number): void {
    if (this.to.state === "closed") return;
    const { clock, random } = this.#owner;
    const end = clock.now() + random() * within;
    let kept = Math.floor(random() * (this.messages + 1));
    this.resume();
    const under = [...drain(this.#under), ...drain(this.#waiting)];
    this.#empty();
    for (const parcel of under) {
      if (kept-- <= 0) break;
      // What waited yet had no time of arrival.
      parcel.at = parcel.at === 0 ? end : Math.min(parcel.at, end);
      this.#under.push(parcel);
    }
    this.#under.push({ item: { code: 1006, reason: "" }, bytes: 0, at: end });
    this.#schedule();
  }

  /** Is done: its receiver hears nothing any more. */
  #stop(): void {
    this.#dead = true;
    this.#empty();
    this.#owner.changed();
  }

  #empty(): void {
    this.#waiting.clear();
    this.#under.clear();
    this.#takenAt = undefined;
    this.bufferedAmount = 0;
  }

  #wake(): void {
    if (this.#due) return;
    this.#due = true;
    this.#owner.clock.afterTurn(this.#turned);
  }

  readonly #turned = (): void => {
    this.#due = false;
    this.#move();
  };

  readonly #rung = (): void => {
    this.#timer = undefined;
    this.#timerAt = Infinity;
    this.#move();
  };

  #move(): void {
    const now = this.#owner.clock.now();
    this.#take(now);
    while (!this.#stalled && this.#under.length > 0 && this.#under.first!.at <= now) {
      this.to.take(this.#under.shift().item);
      if (this.to.state === "closed") this.#stop();
    }
    if (this.#full && this.bufferedAmount === 0) {
      this.#full = false;
      this.from.drained();
    }
    this.#schedule();
  }

  /** Has the network take what it can have taken by now. */
  #take(now: number): void {
    while (!this.#stalled && this.#waiting.length > 0) {
      this.#takenAt ??= now + this.#waiting.first!.bytes / this.#bandwidth;
      if (this.#takenAt > now) return;
      this.#takenAt = undefined;
      const parcel = this.#waiting.shift();
      this.bufferedAmount -= parcel.bytes;
      // It may be earlier than that of one before: it waits behind that one.
      parcel.at = now + drawLatency(this.#latency, this.#owner.random);
      this.#under.push(parcel);
    }
  }

  /** Has it move when there is next something to do. */
  #schedule(): void {
    const { clock } = this.#owner;
    const at = this.#stalled ? Infinity : Math.min(this.#takenAt ?? Infinity, this.#under.first?.at ?? Infinity);
    if (at === this.#timerAt) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = Infinity;
    if (at === Infinity) return;
    const ms = at - clock.now();
    if (ms <= 0) return this.#wake();
    this.#timerAt = at;
    this.#timer = clock.setTimer(this.#rung, Math.min(ms, LONGEST));
  }
}

function* drain<Value>(queue: Queue<Value>): Generator<Value> {
  while (queue.length > 0) yield queue.shift();
}
