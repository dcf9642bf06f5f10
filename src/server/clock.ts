import type { Clock } from "../wire/clock.ts";

/** A server's clock, which can tell people the time as well. */
export interface ServerClock extends Clock {
  /** Wall-clock time in ms since 1970: for logs and records, never for a deadline, since it may jump. */
  wall(): number;
}

interface RuntimeTimer {
  unref?(): void;
}

interface Runtime {
  /** A number on edge runtimes, an object elsewhere. */
  setTimeout(run: () => void, ms: number): RuntimeTimer | number;
  clearTimeout(timer: RuntimeTimer | number): void;
  setImmediate?(run: () => void): unknown;
  readonly performance: { now(): number };
}

const runtime = globalThis as unknown as Runtime;

/**
 * The clock of a server: the runtime's own timers, `setImmediate` for the end of a turn (on an edge runtime that has
 * none, a timer of 0 ms). Its timers do not keep a process alive.
 */
export const serverClock: ServerClock = {
  now: (): number => runtime.performance.now(),
  setTimer(run, ms) {
    // Of a time that has gone by, runtimes warn.
    const timer = runtime.setTimeout(run, Math.max(0, ms));
    if (typeof timer === "object") timer.unref?.();
    return { cancel: (): void => runtime.clearTimeout(timer) };
  },
  afterTurn(run) {
    if (runtime.setImmediate) runtime.setImmediate(run);
    else runtime.setTimeout(run, 0);
  },
  random: (): number => Math.random(),
  wall: (): number => Date.now(),
};
