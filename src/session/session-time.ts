import type { Clock } from "../wire/clock.ts";
import type { SessionLimits } from "./options.ts";
import type { DeadSession, SessionRecord } from "./session-store.ts";

/** How long sessions last. Records have wall-clock time, which servers share; what passes is measured monotonically. */
export class SessionTime {
  readonly clock: Clock;
  readonly limits: SessionLimits;
  /** What the wall clock said when the monotonic one said 0: a jump of the wall clock later on ends no session. */
  readonly #origin: number;

  /**
   * @param clock the time
   * @param wall wall-clock time now, in ms since 1970
   * @param limits how long sessions last
   */
  constructor(clock: Clock, wall: number, limits: SessionLimits) {
    this.clock = clock;
    this.limits = limits;
    this.#origin = wall - clock.now();
  }

  /** Monotonic time in whole ms: kept of each session, where a fraction would be an object. Never early. */
  now(): number {
    return Math.ceil(this.clock.now());
  }

  /** Time in ms since 1970, as if the wall clock had never jumped since the start. */
  wall(): number {
    return Math.round(this.#origin + this.clock.now());
  }

  /** Whether the client of a dead id has yet to fetch the cookie of its new one. */
  isMoving({ until = 0 }: DeadSession): boolean {
    return until > this.wall();
  }

  /** For how many ms a record is still good: 0 or less if it has expired. */
  left({ created, seen, dead }: Pick<SessionRecord, "created" | "seen" | "dead">): number {
    const { ttl, idle } = this.limits;
    // Of a dead one the cookie may come back for as long as it could have lived.
    return (dead === undefined ? Math.min(created + ttl, seen + idle) : seen + ttl) - this.wall();
  }
}
