import { End } from "../socket/end.ts";
import type { Socket } from "../socket/socket.ts";
import type { Clock } from "../wire/clock.ts";
import { GOING_AWAY } from "../wire/close-codes.ts";
import { FakeClock } from "./fake-clock.ts";
import { Lane, type LaneOwner } from "./lane.ts";
import { checkBandwidth, checkLatency, type CutOptions, type Direction, type Line, type LineOptions } from "./line.ts";
import { createRandom } from "./random.ts";

/** What {@linkcode createNetwork} takes; what lines are like if they are not told otherwise. */
export interface NetworkOptions<Time extends Clock = FakeClock> extends LineOptions {
  /** What all that is left to chance follows from: 0. */
  readonly seed?: number | undefined;
  /** The time; a `FakeClock` with the same seed where nothing is said. */
  readonly clock?: Time | undefined;
}

/** Lines in memory, on a clock. */
export interface Network<Time extends Clock = FakeClock> {
  /** The time that all lines go by. */
  readonly clock: Time;
  /** The lines that are open, in the order in which they were opened. */
  readonly lines: readonly Line[];
  /** Whether `connectInMemory` gets through; true until it is set. Lines that are open stay so. */
  reachable: boolean;
  /**
   * Opens a line.
   *
   * @param options what it is like, where it is not like the others
   * @returns the line
   * @throws {RangeError} if it cannot be like that
   */
  connect(options?: LineOptions): Line;
}

/** Chance of the network's own, so that what an app draws from the clock changes nothing here. */
const SALT = 0x6e6574;

/**
 * Makes a network for tests: sockets joined in memory, whose messages take time and whose lines can be stalled and cut.
 * All that is left to chance follows from the seed, so that a run can be had again.
 *
 * @param options the seed, the clock, and what its lines are like
 * @returns the network
 * @throws {RangeError} if lines cannot be like that
 * @example
 * const network = createNetwork({ seed: 1, latency: [10, 50] });
 * const { near, far } = network.connect();
 */
export function createNetwork<Time extends Clock = FakeClock>(options: NetworkOptions<Time> = {}): Network<Time> {
  const { seed = 0, latency = 0, bandwidth = Infinity } = options;
  checkLatency(latency);
  checkBandwidth(bandwidth);
  // Where no clock is given, there is no type for it but this one's.
  const clock = options.clock ?? (new FakeClock({ seed }) as Clock as Time);
  const random = createRandom(seed ^ SALT);
  const lines = new Set<Line>();
  return {
    clock,
    reachable: true,
    get lines() {
      return [...lines];
    },
    connect(own = {}) {
      const over = (line: Line): void => void lines.delete(line);
      const line = new MemoryLine(clock, random, over, {
        latency: own.latency ?? latency,
        bandwidth: own.bandwidth ?? bandwidth,
      });
      lines.add(line);
      return line;
    },
  };
}

class MemoryLine implements Line, LaneOwner {
  readonly clock: Clock;
  readonly random: () => number;
  readonly near: Socket;
  readonly far: Socket;
  readonly #near: End;
  readonly #far: End;
  readonly #toNear: Lane;
  readonly #toFar: Lane;
  readonly #over: (line: Line) => void;

  constructor(clock: Clock, random: () => number, over: (line: Line) => void, options: LineOptions) {
    this.clock = clock;
    this.random = random;
    this.#over = over;
    this.#toNear = new Lane(this, options);
    this.#toFar = new Lane(this, options);
    this.near = this.#near = this.#toNear.to = this.#toFar.from = new End(this.#toFar);
    this.far = this.#far = this.#toFar.to = this.#toNear.from = new End(this.#toNear);
  }

  get toNear(): Direction {
    return this.#toNear;
  }

  get toFar(): Direction {
    return this.#toFar;
  }

  get open(): boolean {
    return this.#near.state === "open" || this.#far.state === "open";
  }

  changed(): void {
    if (!this.open) this.#over(this);
  }

  cut({ within = 0 }: CutOptions = {}): void {
    this.#toNear.cut(within);
    this.#toFar.cut(within);
  }

  stall(ms?: number): void {
    this.#toNear.stall(ms);
    this.#toFar.stall(ms);
  }

  resume(): void {
    this.#toNear.resume();
    this.#toFar.resume();
  }

  halfOpen(): void {
    this.#toNear.silence();
    this.#toFar.silence();
  }

  close(code: number = GOING_AWAY, reason = ""): void {
    // What is sent behind it finds its receiver closed.
    this.#toNear.carry({ code, reason }, 0);
    this.#toFar.carry({ code, reason }, 0);
  }
}
