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
  return prefixStorage(storage as Storage, `prism:${service}`);
}
