import { driversOf, isPrefixed, type KeyValueStorage } from "../session/key-value-storage.ts";
import { findRedis } from "../session/redis-mount.ts";
import type { Clock } from "../wire/clock.ts";
import type { Handover } from "./handover.ts";
import { createMemoryHandover } from "./memory-handover.ts";
import { createRedisHandover, type RedisHandoverClient } from "./redis-handover.ts";

/** What stands before the key in the key of what is parked, with a `:` between; a storage's mount may have this name. */
export const HANDOVER_PREFIX = "prism-handover";

/** One for each storage in memory: the apps that are given the same one hand over to each other. */
const inMemory = new WeakMap<KeyValueStorage, Handover>();

/**
 * What connections are handed over through: Redis where a storage keeps its keys there, memory where it keeps them in
 * memory. It asks for one step that takes, which unstorage does not have, so that nothing else will do.
 *
 * @param given an unstorage `Storage` with the Redis or the memory driver, or a handover of one's own, which is returned as
 * it is
 * @param clock the time, for a handover in memory; the clock of who first opens a storage counts for all
 * @returns the handover
 * @throws {TypeError} if it is neither, or a storage that cannot take in one step
 */
export function openHandover(given: KeyValueStorage | Handover, clock: Clock): Handover {
  if (isHandover(given)) return given;
  if (typeof given?.getItem !== "function" || typeof given.setItem !== "function") {
    throw new TypeError("Cannot hand connections over through what is neither an unstorage Storage nor a Handover");
  }
  const redis = findRedis(given, HANDOVER_PREFIX);
  if (redis) return createRedisHandover(() => redis.connect() as RedisHandoverClient, redis.prefix);
  const problem = refuse(given);
  if (problem) throw new TypeError(`Cannot hand connections over through ${problem}`);
  const handover = inMemory.get(given) ?? createMemoryHandover(clock);
  inMemory.set(given, handover);
  return handover;
}

function isHandover(given: KeyValueStorage | Handover): given is Handover {
  const { park, take } = (given ?? {}) as Partial<Handover>;
  return typeof park === "function" && typeof take === "function";
}

/** Why it cannot be a storage in memory. */
function refuse(storage: KeyValueStorage): string | undefined {
  if (isPrefixed(storage)) {
    return "a corner made with prefixStorage, which does not say where it lies: use the driver's base, or a mount, instead";
  }
  const [driver] = driversOf(storage, HANDOVER_PREFIX);
  if (driver?.name === "memory") return undefined;
  const what = driver?.name === undefined ? "a storage that does not name its driver" : `the driver "${driver.name}"`;
  return `${what}, which cannot take in one step: two servers could take up the same connection; use "redis" or "memory"`;
}
