import { serverClock, type ServerClock } from "../server/clock.ts";
import type { Timer } from "../wire/clock.ts";
import { createRandom } from "./random.ts";
import { Timers } from "./timers.ts";

/** What a {@linkcode FakeClock} takes. */
export interface FakeClockOptions {
  /** What `random` follows from; without one it gives `chance`. */
  readonly seed?: number | undefined;
}

/** Where the clock begins, in ms, and what the time of day is then. */
const START = 1_000;
const WALL_START = Date.UTC(2025, 0, 1);

/** How long `settle` waits for work of the runtime's own, in ms of real time: some of it may wait for the clock itself. */
const PATIENCE = 1_000;

/**
 * A clock whose time, turns and randomness a test decides, for `connect`, `prism` and a network. Nothing runs but within
 * `settle` and `advance`, which let promises go on in between, and within `turn`, `runTurns`, `step` and `advanceSync`,
 * which are for code without promises: many times faster.
 *
 * @example
 * const clock = new FakeClock({ seed: 1 });
 * const app = prism({ clock });
 * await clock.advance(25_000);
 */
export class FakeClock implements ServerClock {
  /** What `random` gives where there is no seed. */
  chance = 0.5;
  readonly #timers: Timers = new Timers();
  readonly #random: (() => number) | undefined;
  readonly #work = new Set<Promise<unknown>>();
  #now: number = START;
  #turn: (() => void)[] = [];

  /**
   * Makes one, at its beginning.
   *
   * @param options whether its randomness has a seed
   */
  constructor(options: FakeClockOptions = {}) {
    if (options.seed !== undefined) this.#random = createRandom(options.seed);
  }

  /** How many timers are set now. */
  get timers(): number {
    return this.#timers.size;
  }

  /** How many timers were ever set. */
  get timersSet(): number {
    return this.#timers.count;
  }

  /**
   * The time.
   *
   * @returns ms; 1,000 at the beginning
   */
  now(): number {
    return this.#now;
  }

  /**
   * The time of day: the beginning of 2025 when the clock is new, and moving with it.
   *
   * @returns ms since 1970
   */
  wall(): number {
    return WALL_START + this.#now - START;
  }

  /**
   * A number that follows from the seed; `chance` where there is none.
   *
   * @returns a number from 0 up to, not including, 1
   */
  random(): number {
    return this.#random === undefined ? this.chance : this.#random();
  }

  /**
   * Sets a timer.
   *
   * @param run what to run
   * @param ms how long from now, in ms
   * @returns takes it back
   * @throws {RangeError} if a runtime could not wait for so long
   */
  setTimer(run: () => void, ms: number): Timer {
    if (Number.isNaN(ms) || ms > 0x7fffffff)
      throw new RangeError(`Timer of ${ms} ms, which a runtime would run at once`);
    return this.#timers.add(run, this.#now + Math.max(0, ms));
  }

  /**
   * Puts something off to the end of the turn.
   *
   * @param run what to run
   */
  afterTurn(run: () => void): void {
    this.#turn.push(run);
  }

  /** Ends the present turn: runs what waits for that, but not what is put off to the next. */
  turn(): void {
    const due = this.#turn;
    this.#turn = [];
    for (let i = 0; i < due.length; i++) due[i]!();
  }

  /** Ends turns until nothing waits for one; promises do not go on. */
  runTurns(): void {
    while (this.#turn.length > 0) this.turn();
  }

  /**
   * Ends turns, goes on to the moment of the next timer, runs that one, and ends turns; promises do not go on.
   *
   * @returns false if no timer was set
   */
  step(): boolean {
    this.runTurns();
    if (!this.#runNext(Infinity)) return false;
    this.runTurns();
    return true;
  }

  /**
   * Lets time go by, each timer at its moment; promises do not go on.
   *
   * @param ms how long, in ms
   */
  advanceSync(ms: number): void {
    const end = this.#now + ms;
    this.runTurns();
    while (this.#runNext(end)) this.runTurns();
    this.hold(end - this.#now);
  }

  /**
   * Ends turns, and lets promises go on, until nothing is left to do at this moment.
   *
   * @returns settles then
   */
  async settle(): Promise<void> {
    await this.#promises();
    while (this.#turn.length > 0) {
      this.turn();
      await this.#promises();
    }
  }

  /**
   * Lets time go by, each timer at its moment, and promises go on in between.
   *
   * @param ms how long, in ms
   * @returns settles when the time has gone by
   */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.settle();
    while (this.#runNext(end)) await this.settle();
    this.hold(end - this.#now);
  }

  /**
   * Lets time go by while the process is held up: no timer runs until it goes on.
   *
   * @param ms how long, in ms
   */
  hold(ms: number): void {
    this.#now += Math.max(0, ms);
  }

  /**
   * Has `settle` and `advance` wait, a second of real time at most, for what takes real time: a hash, a file.
   *
   * @param work settles when it is done, either way
   */
  busyWith(work: Promise<unknown>): void {
    const done = (): void => void this.#work.delete(work);
    this.#work.add(work);
    work.then(done, done);
  }

  #runNext(end: number): boolean {
    const at = this.#timers.next;
    if (at > end || this.#timers.size === 0) return false;
    this.#now = Math.max(this.#now, at);
    this.#timers.shift()!();
    return true;
  }

  /** All promises that can go on have gone on when a real turn of the event loop is over. */
  async #promises(): Promise<void> {
    await realTurn();
    const start = serverClock.now();
    while (this.#work.size > 0 && serverClock.now() - start < PATIENCE) await realTurn();
  }
}

function realTurn(): Promise<void> {
  return new Promise((resolve) => serverClock.afterTurn(resolve));
}
