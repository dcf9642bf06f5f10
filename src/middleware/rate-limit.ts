/**
 * Limits how much clients may send: token buckets for each connection, session, address, or whatever the app says, in
 * this process or, with Redis, shared by all servers.
 *
 * @module
 */
import type { ConnectionHandle, Shape } from "../service/contexts.ts";
import type { Inbound, Middleware, Next } from "../service/middleware.ts";
import { BucketStore } from "./bucket-store.ts";
import { toCostOf, toKeyOf } from "./rate-keys.ts";
import { toSettings, type RateLimitOptions } from "./rate-options.ts";
import { Refusals, tell } from "./refusals.ts";
import { SharedAsker, type SharedTake } from "./shared-buckets.ts";
import { TOLERANCE, type TokenBucket } from "./token-bucket.ts";

export { redisBuckets } from "./redis-buckets.ts";
export type { RedisBucketsOptions, RedisEvaluator } from "./redis-buckets.ts";
export type { LimitedBy, LimitedPer, RateLimitOptions } from "./rate-options.ts";
export type { SharedBuckets, SharedTake } from "./shared-buckets.ts";
export type { BucketSize } from "./token-bucket.ts";

/** How long a bucket must have been far from its limit before it tells of it again, in ms: small ones fill in no time. */
const CALM = 1000;

/** The messages of a connection that wait for shared buckets: what comes after them waits, too. */
interface Lane {
  waiting: number;
  last: Promise<unknown>;
}

/** One rate limit: its buckets, and what they let through. Times are in ms; costs are counted as times, too. */
class Limiter<S> {
  readonly #burst: number;
  readonly #perToken: number;
  /** How long a bucket takes to fill. */
  readonly #size: number;
  /** With more missing than this, the limit is near. */
  readonly #near: number;
  /** With this missing, or less, it is far again. */
  readonly #far: number;
  readonly #keyOf: (inbound: Inbound<S>) => string | undefined;
  readonly #costOf: (inbound: Inbound<S>) => number;
  readonly #buckets: BucketStore;
  readonly #refusals: Refusals;
  readonly #asker: SharedAsker | undefined;
  readonly #lanes = new WeakMap<ConnectionHandle<unknown>, Lane>();

  constructor(options: RateLimitOptions<S>) {
    const { by, per, rate, burst, warn, close, maxKeys, timeout } = toSettings(options);
    this.#burst = burst;
    this.#perToken = 1000 / rate;
    this.#size = burst * this.#perToken;
    this.#near = warn * burst < 1 ? Infinity : this.#size * (1 - warn) + TOLERANCE;
    this.#far = (this.#size * (1 - warn)) / 2;
    this.#keyOf = toKeyOf(by);
    this.#costOf = toCostOf(per);
    this.#buckets = new BucketStore(maxKeys);
    this.#refusals = new Refusals(close, this.#size);
    const { shared } = options;
    this.#asker = shared && new SharedAsker(shared, { rate, burst }, timeout);
  }

  pass(inbound: Inbound<S>, next: Next<S>): unknown {
    // Of one who was closed for too much, more may be on its way.
    if (inbound.connection.closed) return undefined;
    const cost = this.#costOf(inbound);
    const key = cost === 0 ? undefined : this.#keyOf(inbound);
    if (key === undefined) return this.#handOn(inbound, next);

    const now = inbound.clock.now();
    const time = cost * this.#perToken;
    const bucket = this.#buckets.get(key, now);
    if (bucket.level !== "quiet" && bucket.missing(now) <= this.#far && now - bucket.pressed >= CALM)
      bucket.level = "quiet";
    const wait = cost > this.#burst ? Infinity : bucket.take(time, now, this.#size);
    if (wait > 0) return this.#refusals.refuse(inbound, key, wait, bucket);

    const take = this.#asker?.ask(key, cost, inbound.clock, inbound.events);
    if (take === undefined) {
      this.#warn(inbound, key, bucket, now);
      return this.#handOn(inbound, next);
    }
    return this.#decide(inbound, next, key, bucket, time, take);
  }

  // By itself: a function that holds a closure costs its scope with every message.
  /** Lets the shared buckets decide on a message that this server's own let through. */
  #decide(
    inbound: Inbound<S>,
    next: Next<S>,
    key: string,
    bucket: TokenBucket,
    time: number,
    take: Promise<SharedTake | undefined>,
  ): Promise<unknown> {
    const { connection } = inbound;
    const now = inbound.clock.now();
    return this.#inTurn(connection, take, (taken) => {
      if (taken === undefined) return next(inbound);
      // Its own bucket knows now at least as much as the shared one, and spares that what it would refuse.
      if (!taken.allowed) bucket.giveBack(time);
      bucket.lower(now + this.#size - taken.remaining * this.#perToken);
      if (connection.closed) return undefined;
      if (!taken.allowed) return this.#refusals.refuse(inbound, key, taken.retryAfter, bucket);
      this.#warn(inbound, key, bucket, now);
      return next(inbound);
    });
  }

  #warn(inbound: Inbound<S>, key: string, bucket: TokenBucket, now: number): void {
    if (bucket.missing(now) <= this.#near) return;
    bucket.pressed = now;
    if (bucket.level !== "quiet") return;
    bucket.level = "warning";
    tell(inbound, "warning", key, 0);
  }

  /** Hands on at once, unless something of the same connection waits. */
  #handOn(inbound: Inbound<S>, next: Next<S>): unknown {
    if (this.#asker === undefined || !this.#lanes.get(inbound.connection)?.waiting) return next(inbound);
    return this.#follow(inbound, next);
  }

  #follow(inbound: Inbound<S>, next: Next<S>): Promise<unknown> {
    return this.#inTurn(inbound.connection, undefined, () => next(inbound));
  }

  /** Goes on when the shared buckets have answered, and all that came before has gone on. */
  #inTurn(
    connection: ConnectionHandle<unknown>,
    take: Promise<SharedTake | undefined> | undefined,
    goOn: (taken: SharedTake | undefined) => unknown,
  ): Promise<unknown> {
    let lane = this.#lanes.get(connection);
    if (lane === undefined) this.#lanes.set(connection, (lane = { waiting: 0, last: Promise.resolve() }));
    const own = lane;
    own.waiting++;
    const turn = own.last.then(() => take);
    own.last = turn;
    return turn.then((taken) => {
      own.waiting--;
      return goOn(taken);
    });
  }
}

/**
 * Makes middleware that limits how much clients may send. A bucket holds `burst` tokens and gets `rate` back in each
 * second; a message takes some, and passes if they are there. Else it is dropped; a call fails with `rate_limited` and
 * `data.retryAfter`, in ms, or with `too_large` if it costs more than a bucket holds. Each step from bad to worse is one
 * `limit` event of the app's; one who goes on is closed.
 *
 * For all services: `app.use(rateLimit(…))`; for one: `app.use("chat", rateLimit(…))`. Each has buckets of its own.
 *
 * Without `shared` it is synchronous. With it, a message waits for the shared buckets' answer, and what the same connection
 * sends after it waits behind it, so that all that this middleware lets through keeps its order; only refusals come at
 * once. While the shared buckets fail, which is one `error` event, each server goes by buckets of its own, which know
 * what this server let through.
 *
 * @param options whose buckets, how large, and what is taken from them
 * @returns the middleware
 * @throws {TypeError} for an option of the wrong kind
 * @throws {RangeError} for a number that cannot be
 * @example app.use(rateLimit({ by: "address", rate: 20, burst: 100 }))
 */
export function rateLimit<S = Shape>(options: RateLimitOptions<S>): Middleware<S> {
  const limiter = new Limiter(options);
  return (inbound, next) => limiter.pass(inbound, next);
}
