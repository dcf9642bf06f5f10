import type { ServerClock } from "../../src/server/clock.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import type { Random } from "./random.ts";

/** A clock whose every whim follows from the seed. */
export class FuzzClock extends FakeClock implements ServerClock {
  readonly #random: Random;

  constructor(random: Random) {
    super();
    this.#random = random;
  }

  override random(): number {
    return this.#random.next();
  }

  override wall(): number {
    return 0;
  }

  /** When the process was held up, and for how long. */
  readonly #holds: [at: number, ms: number][] = [];

  stall(ms: number): void {
    this.#holds.push([this.now(), ms]);
    this.hold(ms);
  }

  /** For how long it was held up since a time. */
  held(since: number): number {
    return this.#holds.reduce((sum, [at, ms]) => (at + ms >= since ? sum + ms : sum), 0);
  }
}
