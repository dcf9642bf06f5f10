import { createStorage, prefixStorage, type Storage } from "unstorage";
import type { ServiceStorage } from "../service/hosts.ts";

/**
 * Makes the storage that an app has where it is given none: in memory.
 *
 * @returns an unstorage `Storage`
 */
export function createMemoryStorage(): ServiceStorage {
  return createStorage();
}

/**
 * The corner of a storage that belongs to one service.
 *
 * @param storage an unstorage `Storage`
 * @param service the service's name
 * @returns what the service sees
 */
export function storageOf(storage: ServiceStorage, service: string): ServiceStorage {
  const corner: ServiceStorage = prefixStorage(storage as Storage, `prism:${service}`);
  // unstorage clears whole mounts, and passes a part of one over without a word.
  const clear = async (base?: string): Promise<void> => {
    const keys = await corner.getKeys(base);
    await Promise.all(keys.map((key) => corner.removeItem(key)));
  };
  return Object.assign(corner, { clear });
}
