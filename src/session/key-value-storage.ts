/** What a store needs of an unstorage `Storage`. */
export interface KeyValueStorage {
  /** The value of a key, parsed where it is JSON, or `null`. */
  getItem(key: string): Promise<unknown>;
  /** The value of a key as the driver keeps it. */
  getItemRaw?(key: string): Promise<unknown>;
  /** Sets a key's value; drivers that know how forget it after `ttl` seconds. */
  setItem(key: string, value: string, options: { readonly ttl: number }): Promise<void>;
  /** Removes a key. */
  removeItem(key: string): Promise<void>;
  /** All keys that begin so. */
  getKeys(base: string): Promise<string[]>;
  /** The driver that keeps a key. */
  getMount?(key: string): StorageMount;
  /** All drivers. */
  getMounts?(): StorageMount[];
  /** Another name of `getKeys`. */
  readonly keys?: unknown;
}

/** A driver of a `Storage`, and the keys for which it is there. */
export interface StorageMount {
  /** What the keys begin with, which the driver does not see. */
  readonly base: string;
  /** The driver. */
  readonly driver: StorageDriver;
}

/** What a store needs to know of an unstorage driver. */
export interface StorageDriver {
  /** The driver's name. */
  readonly name?: string | undefined;
  /** What it says that it can do. */
  readonly flags?: { readonly ttl?: boolean | undefined } | undefined;
  /** The options that it was made with. */
  readonly options?: unknown;
  /** The client beneath it. */
  readonly getInstance?: (() => unknown) | undefined;
  /** Not there where it only reads. */
  readonly setItem?: unknown;
}

/**
 * Whether a storage is a corner of another one, made with unstorage's `prefixStorage`. Such a one says nothing of its
 * prefix, and answers `getMount` as if it had none. It is known by its `keys`, which is its `getKeys` itself.
 *
 * @param storage the storage
 * @returns true if it is one
 */
export function isPrefixed(storage: KeyValueStorage): boolean {
  return storage.keys === storage.getKeys;
}

/**
 * The drivers that may keep a key.
 *
 * @param storage the storage
 * @param key the key
 * @returns one driver; all of the storage's if it is a corner; none if it does not say
 */
export function driversOf(storage: KeyValueStorage, key: string): StorageDriver[] {
  if (isPrefixed(storage)) return storage.getMounts?.().map(({ driver }) => driver) ?? [];
  return storage.getMount ? [storage.getMount(key).driver] : [];
}
