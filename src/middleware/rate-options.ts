import type { Shape } from "../service/contexts.ts";
import type { Inbound } from "../service/middleware.ts";
import { MAX_NUMBER } from "../wire/numbers.ts";
import type { SharedBuckets } from "./shared-buckets.ts";

/** Whose bucket a message takes from. */
export type LimitedBy<S = Shape> = "connection" | "session" | "address" | ((inbound: Inbound<S>) => string | undefined);

/** What a message takes. */
export type LimitedPer<S = Shape> = "message" | "call" | "byte" | ((inbound: Inbound<S>) => number);

/** What `rateLimit` takes. */
export interface RateLimitOptions<S = Shape> {
  /**
   * Whose bucket a message takes from: its connection's, where nothing is said, its session's, or its network address's
   * (one bucket for an IPv6 network of 64 bits; the connection's where the runtime tells no address). A function gives a
   * key of the app's own, or `undefined` for what is not limited; of a key 256 characters count.
   *
   * A client can open as many connections and sessions as the app admits: against abuse, limit addresses or users.
   */
  readonly by?: LimitedBy<S> | undefined;
  /**
   * What a message takes: 1 where nothing is said; with `call`, only calls take 1; with `byte`, a token for each byte of
   * the body, at least 1. A function says a number from 0 up. Items that a caller streams are no messages.
   */
  readonly per?: LimitedPer<S> | undefined;
  /** How many tokens come back in a second. */
  readonly rate: number;
  /** How many tokens a bucket holds, so how many may be taken at once: those of one second, but at least 1. */
  readonly burst?: number | undefined;
  /**
   * A `limit` event warns when less than this part of the bucket is left: 0.2. A part of less than one token warns of
   * nothing. It warns again when half of what is above this part has come back, and a second has gone by.
   */
  readonly warn?: number | undefined;
  /**
   * A connection is closed, with 1008, at its so manieth refusal: 2,048, twice as many calls as an honest client can have
   * under way when it hears of the first. It counts from the start after a pause in which a bucket fills, or 10 s if that
   * is longer. `Infinity` closes none.
   */
  readonly close?: number | undefined;
  /**
   * How many buckets are kept in memory, of some 200 bytes each: 131,072, twice the 65,536 networks of 64 bits that are in
   * the 48 which one customer gets. Where more are not full, the fullest are forgotten, which lets some messages more
   * through.
   */
  readonly maxKeys?: number | undefined;
  /** The buckets that all servers share, `redisBuckets(client)`: every server then lets through what is in them. */
  readonly shared?: SharedBuckets | undefined;
  /** How long the shared buckets may take to answer, in ms: 250. After that this server goes by its own. */
  readonly timeout?: number | undefined;
}

/** The options with all that was left out. */
export interface RateLimitSettings<S> {
  readonly by: LimitedBy<S>;
  readonly per: LimitedPer<S>;
  readonly rate: number;
  readonly burst: number;
  readonly warn: number;
  readonly close: number;
  readonly maxKeys: number;
  readonly timeout: number;
}

/** Fills more slowly than anybody means it. A year, in s. */
const SLOWEST = 31_536_000;
/** No runtime's `Map` is sure to hold more: V8's ends at 2^24. */
const MOST_KEYS = 16_000_000;

/**
 * Checks options, and completes them.
 *
 * @param options as given
 * @returns the options with all that was left out
 * @throws {TypeError} for `by`, `per`, or `shared` that cannot be
 * @throws {RangeError} for a number that cannot be
 */
export function toSettings<S>(options: RateLimitOptions<S>): RateLimitSettings<S> {
  const {
    by = "connection",
    per = "message",
    rate,
    warn = 0.2,
    close = 2048,
    maxKeys = 131_072,
    timeout = 250,
  } = options;
  const { burst = Math.max(1, rate), shared } = options;
  const isOneOf = (value: unknown, names: readonly unknown[]): boolean =>
    typeof value === "function" || names.includes(value);
  const demand = (right: boolean, name: string, want: string, value: unknown): void => {
    if (!right) throw new RangeError(`Option ${name} of the rate limit is not ${want}: ${String(value)}`);
  };
  if (!isOneOf(by, ["connection", "session", "address"])) throw new TypeError(`Cannot limit by ${String(by)}`);
  if (!isOneOf(per, ["message", "call", "byte"])) throw new TypeError(`Cannot limit per ${String(per)}`);
  demand(Number.isFinite(rate) && rate > 0, "rate", "a number above 0", rate);
  demand(Number.isFinite(burst) && burst > 0, "burst", "a number above 0", burst);
  demand(burst / rate <= SLOWEST, "burst", `filled within a year at a rate of ${rate}`, burst);
  demand(Number.isFinite(warn) && warn >= 0 && warn <= 1, "warn", "a number from 0 to 1", warn);
  demand(
    close === Infinity || (Number.isInteger(close) && close >= 1),
    "close",
    "a whole number from 1, or Infinity",
    close,
  );
  demand(
    Number.isInteger(maxKeys) && maxKeys >= 1 && maxKeys <= MOST_KEYS,
    "maxKeys",
    `a whole number from 1 to ${MOST_KEYS}`,
    maxKeys,
  );
  demand(
    Number.isFinite(timeout) && timeout > 0 && timeout <= MAX_NUMBER,
    "timeout",
    `a number above 0, to ${MAX_NUMBER}`,
    timeout,
  );
  if (shared !== undefined && typeof shared?.take !== "function")
    throw new TypeError("The shared buckets have no take");
  return { by, per, rate, burst, warn, close, maxKeys, timeout };
}
