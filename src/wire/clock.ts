/**
 * The source of time, turns and randomness. Everything under `src` takes it as a parameter and never touches the
 * globals for these, so the shipped code runs unchanged under a simulated clock.
 */
export interface Clock {
  /** Monotonic time in ms, from any starting point; MUST NOT go back, whatever the wall clock does. */
  now(): number;
  /** Runs `run` once after `ms`; the timer that it returns is taken back by `cancel`. a server's does not keep a process alive. */
  setTimer(run: () => void, ms: number): Timer;
  /** Runs `run` when the present turn of the event loop is over: `setImmediate` on servers, a microtask in browsers. */
  afterTurn(run: () => void): void;
  /** A number from 0 up to, not including, 1. For jitter only; it need not be unguessable. */
  random(): number;
}

/** A timer that can be taken back. */
export interface Timer {
  /** Takes the timer back; nothing happens if it has run already. */
  cancel(): void;
}
