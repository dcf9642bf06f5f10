import type { SharedBuckets, SharedTake } from "./shared-buckets.ts";

/** What is used of a Redis client; ioredis' `Redis` and `Cluster` fit. */
export interface RedisEvaluator {
  /** EVAL. */
  eval(script: string, keys: number, ...keysAndArguments: (string | number)[]): Promise<unknown>;
}

/** What {@linkcode redisBuckets} takes. */
export interface RedisBucketsOptions {
  /** What every key begins with: `prism:limit:`. Apps and limits that are not to share buckets need different ones. */
  readonly prefix?: string | undefined;
}

/**
 * Takes from the bucket at KEYS[1] in one step, by Redis' own time, so that the servers' clocks do not matter. The value is
 * the moment at which the bucket is full, in µs; the key is gone by then. ARGV: what the tokens cost, and how long the
 * bucket takes to fill, both in µs. Answers how long to wait, 0 if they were taken, and how much is missing, in µs.
 * The tolerance is a µs; a moment too far off, after Redis' clock was set back, counts as an empty bucket.
 */
const take = `
local time = redis.call("TIME")
local now = time[1] * 1000000 + time[2]
local cost, size = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = tonumber(redis.call("GET", KEYS[1]) or "") or now
full = math.min(math.max(full, now), now + size)
local after = full + cost
local wait = after - now - size
if wait > 1 then return { math.ceil(wait), math.ceil(full - now) } end
redis.call("SET", KEYS[1], string.format("%.17g", after), "PX", math.ceil((after - now) / 1000) + 1)
return { 0, math.ceil(after - now) }`;

/**
 * Keeps buckets in Redis 5 or later, for all servers that use it. Each message costs one EVAL; a key lives only until its
 * bucket is full again.
 *
 * @param client a connected client; give it a deadline (`commandTimeout` of ioredis), so that one that hangs is noticed
 * @param options the keys' prefix
 * @returns what `rateLimit` takes as `shared`
 * @throws {TypeError} if the client has no `eval`
 * @example rateLimit({ by: "address", rate: 50, shared: redisBuckets(new Redis({ commandTimeout: 250 })) })
 */
export function redisBuckets(client: RedisEvaluator, options: RedisBucketsOptions = {}): SharedBuckets {
  const { prefix = "prism:limit:" } = options;
  if (typeof client?.eval !== "function") throw new TypeError("The Redis client has no eval");
  return {
    async take(key, cost, { rate, burst }) {
      const perToken = 1_000_000 / rate;
      const name = `${prefix}${rate}/${burst}:${key}`;
      const answer = await client.eval(take, 1, name, cost * perToken, burst * perToken);
      return toTake(answer, burst, perToken);
    },
  };
}

function toTake(answer: unknown, burst: number, perToken: number): SharedTake {
  // Numbers, or their digits, as the client likes.
  const [wait, missing] = Array.isArray(answer) ? answer.map(Number) : [];
  if (!Number.isFinite(wait) || !Number.isFinite(missing)) throw new TypeError("Redis answers something else");
  return {
    allowed: wait === 0,
    remaining: Math.max(0, burst - missing! / perToken),
    retryAfter: wait! / 1000,
  };
}
