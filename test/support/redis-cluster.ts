import { Redis } from "ioredis";
import { freePort } from "./ports.ts";
import { type RedisServer, startRedis } from "./redis.ts";

const SLOTS = 16_384;

/** A Redis Cluster of masters without replicas, each in a process of its own. */
export interface RedisCluster {
  readonly servers: readonly RedisServer[];
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  /** Ends them, with all that they know. */
  stop(): Promise<void>;
}

/**
 * Starts a Redis Cluster on this machine.
 *
 * @param count how many masters it has
 * @throws {Error} One of them does not run, or they do not agree within 30 s.
 */
export async function startRedisCluster(count = 3): Promise<RedisCluster> {
  const servers: RedisServer[] = [];
  const stop = async (): Promise<void> => void (await Promise.all(servers.map((server) => server.stop())));
  try {
    for (let n = 0; n < count; n++) {
      const bus = ["--cluster-port", String(await freePort()), "--cluster-node-timeout", "5000"];
      const announced = ["--cluster-announce-ip", "127.0.0.1"];
      servers.push(await startRedis(undefined, ["--cluster-enabled", "yes", ...bus, ...announced]));
    }
    await join(servers);
  } catch (error) {
    await stop();
    throw error;
  }
  return { servers, addresses: servers.map(({ port }) => ({ host: "127.0.0.1", port })), stop };
}

async function join(servers: readonly RedisServer[]): Promise<void> {
  const clients = servers.map(({ url }) => new Redis(url));
  try {
    for (const [at, client] of clients.entries()) {
      const [first, next] = [at, at + 1].map((n) => Math.floor((n * SLOTS) / clients.length));
      await client.call("CLUSTER", "ADDSLOTSRANGE", String(first), String(next! - 1));
      const bus = String(await client.config("GET", "cluster-port").then((found) => (found as string[])[1]));
      for (const other of clients) {
        if (other !== client) await other.call("CLUSTER", "MEET", "127.0.0.1", String(servers[at]!.port), bus);
      }
    }
    const end = performance.now() + 30_000;
    for (const client of clients) {
      while (!isReady(String(await client.call("CLUSTER", "INFO")), clients.length)) {
        if (performance.now() > end) throw new Error("The Redis Cluster's nodes do not agree after 30 s");
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  } finally {
    for (const client of clients) client.disconnect();
  }
}

function isReady(info: string, count: number): boolean {
  return info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${count}\r\n`);
}
