import { Redis, type RedisOptions } from "ioredis";
import { type AddressInfo, connect, createServer } from "node:net";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { type RedisServer, startRedis } from "../support/redis.ts";

/** A Redis server, and a client that sees keys as they are. */
export interface SharedRedis {
  readonly url: string;
  readonly raw: Redis;
}

/** Starts a Redis server for the tests of a file, and ends it after them. What it gives can be read once they run. */
export function useRedis(): SharedRedis {
  let server: RedisServer;
  let raw: Redis;
  beforeAll(async () => {
    server = await startRedis();
    raw = new Redis(server.url);
  });
  afterAll(async () => {
    raw.disconnect();
    await server.stop();
  });
  return {
    get url() {
      return server.url;
    },
    get raw() {
      return raw;
    },
  };
}

/** Makes a client for one test, whose errors nobody else is told. */
export function openClient(url: string, options: RedisOptions = {}): Redis {
  const client = new Redis(url, options);
  client.on("error", () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

/** A way to a server that can lose an answer. */
export interface LossyProxy {
  readonly port: number;
  /** Loses the next answer, and its client's connection. */
  loseNext(): void;
}

/** Stands between a server and its clients, for one test. */
export async function startLossyProxy(port: number): Promise<LossyProxy> {
  let losing = false;
  const proxy = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    client.pipe(upstream);
    for (const socket of [client, upstream]) socket.on("error", () => {}).on("close", () => upstream.destroy());
    upstream.on("data", (data) => {
      if (losing) client.destroy();
      else client.write(data);
      losing = false;
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void proxy.close());
  return { port: (proxy.address() as AddressInfo).port, loseNext: () => (losing = true) };
}
