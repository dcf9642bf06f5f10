import type { Handover } from "./handover.ts";

/** What is used of a Redis client: ioredis' `Redis` and `Cluster` fit. */
export interface RedisHandoverClient {
  /** SET with PX, the time to live in whole ms. */
  set(key: string, text: string, unit: "PX", ttl: number): Promise<unknown>;
  /** GETDEL. */
  getdel(key: string): Promise<string | null>;
  /** EVAL. */
  eval(script: string, keys: number, ...keysAndArguments: (string | number)[]): Promise<unknown>;
}

/** What GETDEL does, for a Redis before 6.2, or one that calls itself Redis and has no such command. */
const getAndDelete = `
local text = redis.call("GET", KEYS[1])
if text then redis.call("DEL", KEYS[1]) end
return text`;

/**
 * Hands connections over through Redis, for any number of servers, in one command each.
 *
 * ioredis sends again what was not answered when its socket was lost: a text whose `take` had taken place by then is gone.
 * And where a replica takes the place of a Redis that ends, it may bring back what was taken just before.
 *
 * @param connect returns the client, always the same; first called when there is something to park or take
 * @param prefix what stands before a key in Redis
 * @returns the handover
 */
export function createRedisHandover(connect: () => RedisHandoverClient, prefix: string): Handover {
  let scripted = false;

  async function getdel(key: string): Promise<unknown> {
    const client = connect();
    if (!scripted) {
      try {
        return await client.getdel(key);
      } catch (error) {
        // It has done nothing, so nothing is done twice.
        if (!isUnknownCommand(error)) throw error;
        scripted = true;
      }
    }
    return client.eval(getAndDelete, 1, key);
  }

  return {
    async park(key, text, ttl) {
      await connect().set(prefix + key, text, "PX", Math.ceil(ttl));
    },
    async take(key) {
      const text = await getdel(prefix + key);
      return typeof text === "string" ? text : undefined;
    },
  };
}

function isUnknownCommand(error: unknown): boolean {
  return /^ERR unknown command\b/i.test((error as { message?: string } | undefined)?.message ?? "");
}
