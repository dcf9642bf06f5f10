import { isPrefixed, type KeyValueStorage } from "./key-value-storage.ts";

/** The Redis in which a storage keeps certain keys. */
export interface RedisMount {
  /** The driver's client, ioredis' `Redis` or `Cluster`; it is made when this is first called. */
  readonly connect: () => unknown;
  /** What stands before the rest of such a key in Redis, the `:` included. */
  readonly prefix: string;
}

/**
 * Looks for unstorage's Redis driver beneath a storage. In a corner made with `prefixStorage` there is none to be found.
 *
 * @param storage the storage
 * @param name what the keys in question begin with, without the `:` after it
 * @returns the Redis, or `undefined` if it is something else that keeps them
 */
export function findRedis(storage: KeyValueStorage, name: string): RedisMount | undefined {
  const mount = isPrefixed(storage) ? undefined : storage.getMount?.(name);
  if (mount?.driver.name !== "redis" || !mount.driver.getInstance) return undefined;
  const { base, driver } = mount;
  const own = (driver.options as { base?: string } | undefined)?.base ?? "";
  return { connect: () => driver.getInstance?.(), prefix: toRedisPrefix(own, base === "" ? name : "") };
}

/** What unstorage's Redis driver puts before the rest of a key, or leaves away (unstorage/drivers/redis, `joinKeys`). */
function toRedisPrefix(base: string, name: string): string {
  return [base.replace(/:$/, ""), name]
    .map((part) => part.replace(/[:/\\]/g, ":").replace(/^:|:$/g, ""))
    .filter((part) => part !== "")
    .map((part) => `${part}:`)
    .join("");
}
