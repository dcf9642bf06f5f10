import { createRandom } from "../../src/testing/random.ts";
import type { Latency } from "../../src/testing/line.ts";
import type { Limits } from "../../src/wire/limits.ts";

/** What can happen, and how often of all that happens. */
const weights = {
  // what users do
  send: 14,
  burst: 3,
  paced: 2,
  push: 12,
  flood: 3,
  pacedPush: 2,
  volatile: 5,
  conflate: 5,
  broadcast: 5,
  call: 16,
  callClient: 10,
  abort: 4,
  // what networks do
  cut: 10,
  cutSoon: 3,
  stall: 5,
  stallOne: 4,
  resume: 3,
  silence: 2,
  halfOpen: 2,
  vanish: 4,
  slow: 4,
  closeLine: 3,
  failDials: 3,
  outage: 2,
  // what processes do
  hold: 2,
  drain: 3,
  kick: 1,
  close: 1,
  open: 2,
  thief: 2,
};

export type What = keyof typeof weights;

/** What a calm world leaves out: all that may lose something by right. */
const rough = new Set<What>(
  "cut cutSoon stall stallOne silence halfOpen vanish slow closeLine failDials outage hold kick close flood".split(
    " ",
  ) as What[],
);

/** One thing that happens; what its numbers, from 0 up to 1, mean is told when it does. */
export interface Action {
  /** How long after the one before, in ms. */
  readonly after: number;
  readonly what: What;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** What a world is like. */
export interface Config {
  readonly seed: number;
  readonly clients: number;
  readonly servers: number;
  readonly handover: boolean;
  /** Nothing goes wrong but servers that go: nothing may be lost. */
  readonly calm: boolean;
  /** Whether subprotocols come through. */
  readonly protocols: boolean;
  readonly latency: Latency;
  readonly limits: Partial<Limits>;
  /** What clients keep, in characters. */
  readonly replayLimit: number;
  readonly reconnect: { readonly min: number; readonly max: number };
}

export interface Schedule {
  readonly config: Config;
  readonly actions: readonly Action[];
}

/** Chance, with the ways of asking it that a schedule needs. */
export class Dice {
  readonly next: () => number;

  constructor(seed: number) {
    this.next = createRandom(seed);
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  pick<Value>(...values: readonly Value[]): Value {
    return values[Math.floor(this.next() * values.length)]!;
  }
}

const names = Object.keys(weights) as What[];

function drawWhat(dice: Dice, calm: boolean): What {
  const allowed = calm ? names.filter((name) => !rough.has(name)) : names;
  let at = dice.next() * allowed.reduce((sum, name) => sum + weights[name], 0);
  return allowed.find((name) => (at -= weights[name]) < 0) ?? "send";
}

function drawConfig(seed: number, dice: Dice): Config {
  const calm = dice.chance(0.1);
  const handover = calm || dice.chance(0.4);
  const limits = {
    replayFrames: calm ? 64 : dice.whole(8, 32),
    replayLimit: calm ? 8_192 : dice.whole(512, 2_048),
    sendLimit: calm ? 65_536 : dice.pick(1_024, 4_096, 65_536),
    resumeWithin: calm ? 3_000 : dice.pick(200, 400, 800, 3_000, 15_000),
    heartbeat: dice.pick(400, 1_000, 2_000),
    patience: dice.pick(400, 1_000),
    calls: !calm && dice.chance(0.15) ? 4 : 1_024,
    streams: !calm && dice.chance(0.15) ? 2 : 256,
    handshake: 2_000,
    packet: dice.pick(1_024, 131_072),
  };
  return {
    seed,
    clients: dice.pick(1, 1, 2, 3),
    servers: dice.pick(1, 1, 2),
    handover,
    calm,
    protocols: dice.chance(0.85),
    latency: dice.pick<Latency>(0, 2, [0, 5], [1, 50]),
    limits,
    replayLimit: dice.pick(512, 1_024, 2_048),
    reconnect: dice.pick({ min: 10, max: 100 }, { min: 50, max: 1_000 }),
  };
}

/** The schedule of a seed, always the same. */
export function drawSchedule(seed: number): Schedule {
  const dice = new Dice(seed);
  const config = drawConfig(seed, dice);
  const actions: Action[] = [];
  for (let left = dice.whole(15, 60); left > 0; left--) {
    const after = dice.chance(0.45) ? 0 : dice.chance(0.8) ? dice.whole(1, 30) : dice.whole(30, 700);
    actions.push({ after, what: drawWhat(dice, config.calm), a: dice.next(), b: dice.next(), c: dice.next() });
  }
  return { config, actions };
}
