import { driversOf, type KeyValueStorage, type StorageDriver } from "./key-value-storage.ts";
import { KeyedLock } from "./keyed-lock.ts";
import { SESSION_PREFIX, toSessionIds, toSessionKey } from "./session-keys.ts";
import type { SessionRecord, SessionStore } from "./session-store.ts";
import { fromText, toRecord, toText } from "./session-text.ts";

/** The drivers of unstorage 1.17 that hand `ttl` on to what they write to. */
const expiring: ReadonlySet<string | undefined> = new Set([
  "cloudflare-kv-binding",
  "cloudflare-kv-http",
  "deno-kv",
  "deno-kv-node",
  "redis",
  "upstash",
  "vercel-kv",
  "vercel-runtime-cache",
]);

/** The drivers whose values never leave the process. */
const local: ReadonlySet<string | undefined> = new Set(["memory", "lru-cache"]);

/**
 * Keeps sessions in an unstorage `Storage`, under `prism-session:<id>`, with any driver that writes.
 *
 * unstorage has no way to write only if nothing has changed, so compare and write hold together within the returned
 * object alone. The storage's mounts are looked at once, now.
 *
 * @param storage an unstorage `Storage`
 * @returns the store
 * @throws {TypeError} if the storage's driver only reads
 */
export function createUnstorageStore(storage: KeyValueStorage): SessionStore {
  const drivers = driversOf(storage, SESSION_PREFIX);
  const readOnly = drivers.find(isReadOnly);
  if (readOnly) throw new TypeError(`Cannot keep sessions with the driver "${readOnly.name}", which only reads`);
  const all = (wanted: (driver: StorageDriver) => boolean): boolean => drivers.length > 0 && drivers.every(wanted);
  const shared = !all(({ name }) => local.has(name));
  const lock = new KeyedLock();
  /** The ids whose driver is writing, or has never said that it is done. */
  const writing = new Set<string>();
  /** Whose turn it is to write to an id; whoever was given up has lost it. */
  const turns = new Map<string, object>();

  async function readRecord(id: string): Promise<SessionRecord | undefined> {
    const key = toSessionKey(id);
    // What is in memory is the text itself, or a living object of somebody else's, which must not be handed out.
    if (!shared && storage.getItemRaw) return fromText(await storage.getItemRaw(key));
    return toRecord(await storage.getItem(key));
  }

  async function writeRecord(id: string, record: SessionRecord | undefined, ttl: number): Promise<void> {
    if (!record) return storage.removeItem(toSessionKey(id));
    await storage.setItem(toSessionKey(id), toText(record), { ttl: Math.max(1, Math.ceil(ttl / 1000)) });
  }

  return {
    atomic: false,
    expires: all(({ name, flags }) => expiring.has(name) || flags?.ttl === true),
    shared,
    // A read waits for writes as well: a file that is being written is empty for a moment.
    read: (id) => lock.run(id, () => readRecord(id)),
    write: (id, record, expected, ttl) =>
      lock.run(id, async () => {
        const turn = {};
        turns.set(id, turn);
        const there = await readRecord(id).finally(() => {
          // What it has read is out of date by now.
          if (turns.get(id) !== turn) throw new Error("It took too long to read what is there");
          turns.delete(id);
        });
        if ((there?.version ?? 0) !== expected) return false;
        // Nobody waits for it any more, and it may take place after this one.
        if (writing.has(id)) throw new Error("An earlier write has not come to its end");
        writing.add(id);
        try {
          await writeRecord(id, record, ttl);
        } finally {
          writing.delete(id);
        }
        return true;
      }),
    giveUp: (id) => {
      turns.delete(id);
      lock.giveUp(id);
    },
    ids: async () => toSessionIds(await storage.getKeys(SESSION_PREFIX), `${SESSION_PREFIX}:`),
  };
}

/** Without a word, unstorage writes nothing to such a driver. */
function isReadOnly({ setItem, options }: StorageDriver): boolean {
  return setItem === undefined || (options as { readOnly?: boolean } | undefined)?.readOnly === true;
}
