import type { Clock, Timer } from "../wire/clock.ts";
import type { Handover } from "./handover.ts";

/** How often texts whose time is over are looked for, in ms, while there are any: each may be some MiB. */
const SWEEP = 1_000;

interface Parked {
  readonly text: string;
  readonly until: number;
}

/**
 * Hands connections over in memory: between apps of one process, such as one that takes another's place, and in tests.
 *
 * @param clock the time; its timers run only while something is parked
 * @returns the handover, of which nothing outlives the process
 */
export function createMemoryHandover(clock: Clock): Handover {
  const all = new Map<string, Parked>();
  let timer: Timer | undefined;

  /** One timer for all, and none for nothing. */
  function watch(): void {
    if (all.size > 0) {
      timer ??= clock.setTimer(sweep, SWEEP);
    } else {
      timer?.cancel();
      timer = undefined;
    }
  }

  function sweep(): void {
    timer = undefined;
    const now = clock.now();
    for (const [key, { until }] of all) if (until <= now) all.delete(key);
    watch();
  }

  return {
    async park(key, text, ttl) {
      all.set(key, { text, until: clock.now() + Math.ceil(ttl) });
      watch();
    },
    async take(key) {
      const parked = all.get(key);
      all.delete(key);
      watch();
      return parked && parked.until > clock.now() ? parked.text : undefined;
    },
  };
}
