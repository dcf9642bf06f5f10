import type { Clock } from "../wire/clock.ts";

interface Runtime {
  setTimeout(run: () => void, ms: number): { unref?(): void } | number;
  clearTimeout(timer: unknown): void;
  queueMicrotask(run: () => void): void;
  readonly performance: { now(): number };
}

const runtime = globalThis as unknown as Runtime;

/** The longest time that a timer can be set for, in ms. */
const MAX_DELAY = 0x7fffffff;

/** The clock of a client, in a browser or elsewhere: a turn is over with its microtasks. */
export const clientClock: Clock = {
  now: () => runtime.performance.now(),
  setTimer: (run, ms) => {
    // Of a time that has gone by, runtimes warn.
    const timer = runtime.setTimeout(run, Math.max(0, Math.min(ms, MAX_DELAY)));
    return { cancel: () => runtime.clearTimeout(timer) };
  },
  afterTurn: (run) => runtime.queueMicrotask(run),
  random: () => Math.random(),
};
