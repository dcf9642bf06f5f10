import type { ConnectionHandle } from "../service/contexts.ts";
import type { LimitEvent } from "../service/hosts.ts";
import type { Inbound } from "../service/middleware.ts";
import { PrismError } from "../wire/errors.ts";
import type { TokenBucket } from "./token-bucket.ts";

/** A pause that is shorter does not count as one, in ms: a client must not get off by flooding in strokes. */
const SHORTEST_PAUSE = 10_000;

interface Strikes {
  count: number;
  last: number;
}

/** Refuses messages, tells of it, and closes the connections of those who go on. */
export class Refusals {
  readonly #strikes = new WeakMap<ConnectionHandle<unknown>, Strikes>();
  readonly #most: number;
  readonly #pause: number;

  /**
   * @param most at its so manieth refusal a connection is closed
   * @param size how long a bucket takes to fill, in ms
   */
  constructor(most: number, size: number) {
    this.#most = most;
    this.#pause = Math.max(size, SHORTEST_PAUSE);
  }

  /**
   * Refuses a message: a call is failed, anything else is to be dropped.
   *
   * @param inbound the message
   * @param key whose limit it is over
   * @param wait when it would pass, in ms from now; `Infinity` for never
   * @param bucket what it was to be taken from, which tells once of being empty
   * @throws {PrismError} for a call: `rate_limited`, or `too_large` for what never passes
   */
  refuse<S>(inbound: Inbound<S>, key: string, wait: number, bucket: TokenBucket): void {
    const { connection, kind } = inbound;
    const retryAfter = Math.ceil(wait);
    const now = inbound.clock.now();
    const count = this.#count(connection, now);
    // What never passes leaves the bucket as it is, so its sender is told of, once, and not the bucket.
    const news = wait === Infinity ? count === 1 : bucket.level !== "limited";
    if (wait !== Infinity) {
      bucket.level = "limited";
      bucket.pressed = now;
    }
    if (news) tell(inbound, "limited", key, retryAfter);
    if (count >= this.#most) {
      this.#strikes.delete(connection);
      tell(inbound, "closed", key, retryAfter);
      connection.close("Rate limit");
    }
    if (kind === "message") return;
    if (wait === Infinity)
      throw new PrismError("too_large", "Costs more than the rate limit ever lets through at once");
    throw new PrismError("rate_limited", `Try again in ${retryAfter} ms`, { retryAfter });
  }

  #count(connection: ConnectionHandle<unknown>, now: number): number {
    let strikes = this.#strikes.get(connection);
    if (strikes === undefined) this.#strikes.set(connection, (strikes = { count: 0, last: now }));
    if (now - strikes.last >= this.#pause) strikes.count = 0;
    strikes.last = now;
    return ++strikes.count;
  }
}

/**
 * Tells the app of a message that comes near a limit, or is over it.
 *
 * @param inbound the message
 * @param level what it means
 * @param key whose limit it is
 * @param retryAfter when as much would pass again, in ms from now
 */
export function tell<S>(
  { connection, session, service, kind, events }: Inbound<S>,
  level: LimitEvent["level"],
  key: string,
  retryAfter: number,
): void {
  // A session's id is a secret, and events end in logs.
  const shown = key === session.id ? connection.id : key;
  events.emit("limit", { level, connection, service, kind, key: shown, retryAfter });
}
