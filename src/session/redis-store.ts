import { toSessionIds } from "./session-keys.ts";
import type { SessionStore } from "./session-store.ts";
import { fromText, toText } from "./session-text.ts";

/** What the store needs of a Redis client: ioredis' `Redis` and `Cluster` fit. */
export interface RedisClient {
  /** GET. */
  get(key: string): Promise<string | null>;
  /** EVAL. */
  eval(script: string, keys: number, ...keysAndArguments: (string | number)[]): Promise<unknown>;
  /** SCAN. */
  scan(cursor: string, match: "MATCH", pattern: string, count: "COUNT", size: number): Promise<[string, string[]]>;
  /** A cluster's nodes, each with some of the keys. */
  nodes?(role: "master"): RedisClient[];
  /** What it was made with. */
  readonly options?: { readonly keyPrefix?: string | undefined } | undefined;
}

/**
 * Compares and writes in one step: KEYS[1]; ARGV: the version expected, the text ("" removes), ms to live, and a text
 * that may be replaced whatever version it shows. The version is read from the start of the text: cjson refuses what is
 * nested deeper than 1,000 levels, and a large record need not be read to be replaced.
 */
const compareAndWrite = `
local there = redis.call("GET", KEYS[1])
local version = there and string.match(there, '^{"version":(%d+),') or "0"
if version ~= ARGV[1] and there ~= ARGV[4] then return 0 end
if ARGV[2] == "" then
  redis.call("DEL", KEYS[1])
else
  redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[3])
end
return 1`;

const SCAN_COUNT = 1000;

/**
 * Keeps sessions in Redis: compare and write are one step, for any number of servers. Keys and texts are those that
 * unstorage's Redis driver writes, which can read them.
 *
 * A write whose answer is lost with its socket is sent again by ioredis: if it had taken place, it now meets its own
 * version, and counts as not written.
 *
 * @param connect returns the client, always the same; first called when there is something to read or write
 * @param prefix what stands before an id in a key, the `:` included
 * @returns the store
 */
export function createRedisStore(connect: () => RedisClient, prefix: string): SessionStore {
  async function evaluate(id: string, ...args: (string | number)[]): Promise<boolean> {
    // A number, or its digits, as the client likes.
    return Number(await connect().eval(compareAndWrite, 1, prefix + id, ...args)) === 1;
  }

  return {
    atomic: true,
    expires: true,
    shared: true,
    read: async (id) => fromText(await connect().get(prefix + id)),
    async write(id, record, expected, ttl) {
      const text = record ? toText(record) : "";
      const life = Math.max(1, Math.ceil(ttl));
      if (await evaluate(id, expected, text, life)) return true;
      if (expected !== 0) return false;
      // What is there begins like a record, and yet may be none.
      const there = await connect().get(prefix + id);
      return there !== null && !fromText(there) && evaluate(id, expected, text, life, there);
    },
    async *ids() {
      const client = connect();
      const full = (client.options?.keyPrefix ?? "") + prefix;
      for (const node of client.nodes?.("master") ?? [client]) {
        let cursor = "0";
        do {
          const [next, keys] = await node.scan(cursor, "MATCH", `${escapeGlob(full)}*`, "COUNT", SCAN_COUNT);
          yield* toSessionIds(keys, full);
          cursor = next;
        } while (cursor !== "0");
      }
    },
  };
}

function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\]/g, String.raw`\$&`);
}
