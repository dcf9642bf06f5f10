import type { Clock, Timer } from "../wire/clock.ts";
import { headerText, writeFrame, type Body } from "../wire/frames.ts";
import { MAX_DIGITS } from "../wire/limits.ts";
import { MAX_NUMBER, readNumber, writeNumber, type Cursor } from "../wire/numbers.ts";
import { randomId } from "../wire/random-id.ts";
import { MOST_AHEAD, PATIENCE } from "./catch-up.ts";
import { Generations } from "./generations.ts";

/** Names a run of numbers of one publisher in one channel: 66 random bits. */
const NAME = 11;

/** How many runs are kept: 10,000. One that nobody has used for as long as half as many others begins anew, unnoticed. */
const MOST_RUNS = 10_000;

/** Numbers what is published where the engine does not: readers then find out what comes twice, late or never. */
export class RunWriter {
  readonly #runs = new Generations<{ readonly name: string; next: number }>(MOST_RUNS);

  /** A message, with the run that it belongs to and its number in that: behind the largest one comes 0. */
  write(channel: string, body: Body): Body {
    let run = this.#runs.get(channel);
    if (run === undefined) this.#runs.set(channel, (run = { name: randomId().slice(0, NAME), next: 0 }));
    const number = run.next;
    run.next = after(number);
    return writeFrame(run.name + writeNumber(number), body);
  }
}

/** What came too soon. */
interface Held {
  readonly body: Body;
  /** When it came, in ms. */
  readonly at: number;
}

/** A run, as a reader knows it. */
interface Run {
  /** The number that is due; `undefined` until it is known where the reader came in. */
  next: number | undefined;
  /** Where it came in, if that was in the middle, and nothing from before has come since. */
  entry: number | undefined;
  /** By their numbers. */
  readonly held: Map<number, Held>;
}

/** What a reader does with messages that are in order. None of these throws. */
export interface RunListener {
  /** The next message. */
  next(body: Body): void;
  /** Messages are missing before the next one. */
  gap(): void;
}

/** Puts the messages of one channel in order: each once, and says where some are missing. */
export class RunReader {
  readonly #clock: Clock;
  readonly #listener: RunListener;
  readonly #runs = new Generations<Run>(MOST_RUNS);
  readonly #waiting = new Set<Run>();
  readonly #cursor: Cursor = { text: "", at: 0 };
  #held = 0;
  #timer: Timer | undefined;
  #closed = false;

  /**
   * @param clock for how long what came too soon waits
   * @param listener is told
   */
  constructor(clock: Clock, listener: RunListener) {
    this.#clock = clock;
    this.#listener = listener;
  }

  /** Takes a message as the engine brings it; one that is none of a `RunWriter`'s is somebody else's. */
  take(message: Body): void {
    const text = typeof message === "string";
    const cursor = this.#cursor;
    cursor.text = text ? message : headerText(message, 0, NAME + MAX_DIGITS);
    cursor.at = NAME;
    let number: number;
    try {
      number = readNumber(cursor);
    } catch {
      return;
    }
    const name = cursor.text.slice(0, NAME);
    cursor.text = "";
    this.#put(name, number, text ? message.slice(cursor.at) : message.subarray(cursor.at));
  }

  /** Goes on without what has not come: it is not going to. */
  giveUp(): void {
    this.#giveUp(Infinity);
  }

  /** Tells no more. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #put(name: string, number: number, body: Body): void {
    let run = this.#runs.get(name);
    if (run === undefined) this.#runs.set(name, (run = { next: undefined, entry: undefined, held: new Map() }));
    if (number === 0 && run.next === undefined && isFirst(run.held)) run.next = 0;
    if (run.next === undefined || distance(run.next, number) > 0) return this.#hold(run, number, body);
    if (number !== run.next) return this.#late(run, number);
    run.next = after(number);
    if (run.held.size > 0) this.#drop(run, number);
    this.#listener.next(body);
    if (run.held.size > 0) this.#release(run);
  }

  /** What comes from before the place where the reader came in may have been published before, or be missing. */
  #late(run: Run, number: number): void {
    if (run.entry === undefined) return;
    const before = distance(number, run.entry);
    if (before <= 0 || before > MOST_AHEAD) return;
    run.entry = undefined;
    this.#listener.gap();
  }

  #hold(run: Run, number: number, body: Body): void {
    if (run.held.has(number)) return;
    run.held.set(number, { body, at: this.#clock.now() });
    this.#waiting.add(run);
    if (++this.#held > MOST_AHEAD) this.#giveUp(Infinity);
    else this.#timer ??= this.#clock.setTimer(() => this.#look(), PATIENCE);
  }

  /** Tells what is due and was held. */
  #release(run: Run): void {
    for (let held; !this.#closed && (held = run.held.get(run.next!)) !== undefined;) {
      this.#drop(run, run.next!);
      run.next = after(run.next!);
      this.#listener.next(held.body);
    }
  }

  #drop(run: Run, number: number): void {
    if (!run.held.delete(number)) return;
    this.#held--;
    if (run.held.size === 0) this.#waiting.delete(run);
  }

  #look(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    this.#giveUp(now - PATIENCE);
    let oldest = Infinity;
    for (const { held } of this.#waiting) for (const { at } of held.values()) oldest = Math.min(oldest, at);
    if (oldest < Infinity && !this.#closed)
      this.#timer ??= this.#clock.setTimer(() => this.#look(), oldest + PATIENCE - now);
  }

  /** Goes on without what has not come, up to all that was held by then. */
  #giveUp(by: number): void {
    for (const run of this.#waiting) {
      const numbers = [...run.held.keys()].toSorted((one, other) => distance(other, one));
      const last = numbers.findLastIndex((number) => run.held.get(number)!.at <= by);
      for (const number of numbers.slice(0, last + 1)) {
        // Listeners may publish, and what they publish be heard at once.
        const held = run.held.get(number);
        if (this.#closed || held === undefined) continue;
        this.#drop(run, number);
        // Who came in the middle of a run misses nothing.
        if (run.next === undefined) run.entry = number;
        else if (run.next !== number) this.#listener.gap();
        run.next = after(number);
        this.#listener.next(held.body);
      }
      if (run.next !== undefined) this.#release(run);
    }
  }
}

/** Whether 0 begins a run, rather than going on behind the largest number. */
function isFirst(held: ReadonlyMap<number, Held>): boolean {
  for (const number of held.keys()) if (distance(number, 0) > 0) return false;
  return true;
}

function after(number: number): number {
  return (number + 1) & MAX_NUMBER;
}

/** How far it is from one number to another, on the shorter way round. */
function distance(from: number, to: number): number {
  return ((to - from) << 1) >> 1;
}
