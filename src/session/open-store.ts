import type { KeyValueStorage } from "./key-value-storage.ts";
import { findRedis } from "./redis-mount.ts";
import { createRedisStore, type RedisClient } from "./redis-store.ts";
import { SESSION_PREFIX } from "./session-keys.ts";
import type { SessionStore } from "./session-store.ts";
import { createUnstorageStore } from "./unstorage-store.ts";

/**
 * The store over what an app keeps its sessions in. With unstorage's Redis driver, compare and write are one step for
 * every server; but not in a corner made with `prefixStorage`, which does not say where it lies: use the driver's
 * `base`, or a mount, instead.
 *
 * @param storage an unstorage `Storage`, or a store of one's own, which is returned as it is
 * @returns the store
 * @throws {TypeError} if it is neither, or its driver only reads
 */
export function openStore(storage: KeyValueStorage | SessionStore): SessionStore {
  if ("write" in storage && "atomic" in storage) return storage;
  if (typeof storage.getItem !== "function" || typeof storage.setItem !== "function") {
    throw new TypeError("Cannot keep sessions in what is neither an unstorage Storage nor a SessionStore");
  }
  const redis = findRedis(storage, SESSION_PREFIX);
  return redis ? createRedisStore(() => redis.connect() as RedisClient, redis.prefix) : createUnstorageStore(storage);
}
