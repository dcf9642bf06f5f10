import { isPrefixed, type KeyValueStorage, type StorageMount } from "./key-value-storage.ts";
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
  const mount = isPrefixed(storage) ? undefined : storage.getMount?.(SESSION_PREFIX);
  if (mount?.driver.name !== "redis" || !mount.driver.getInstance) return createUnstorageStore(storage);
  return createRedisStore(() => mount.driver.getInstance?.() as RedisClient, toRedisPrefix(mount));
}

/** What unstorage's Redis driver puts before an id, or leaves away (unstorage/drivers/redis, `joinKeys`). */
function toRedisPrefix({ base, driver }: StorageMount): string {
  const own = (driver.options as { base?: string } | undefined)?.base ?? "";
  return [own.replace(/:$/, ""), base === "" ? SESSION_PREFIX : ""]
    .map((part) => part.replace(/[:/\\]/g, ":").replace(/^:|:$/g, ""))
    .filter((part) => part !== "")
    .map((part) => `${part}:`)
    .join("");
}
