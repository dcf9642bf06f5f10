import { Cluster, Redis } from "ioredis";
import { afterAll, expect, onTestFinished, test } from "vitest";
import type { RedisClient } from "../../src/broker/redis-broker.ts";
import { describeBroker } from "../broker/contract.ts";
import { all, listen } from "../broker/stage.ts";
import { type RedisCluster, startRedisCluster } from "../support/redis-cluster.ts";
import { engineOf, settings, startNode } from "./nodes.ts";

let cluster: RedisCluster | undefined;
let engines = 0;
afterAll(() => cluster?.stop());

describeBroker(
  "in a Redis Cluster",
  async () => {
    const { addresses, servers } = (cluster ??= await startRedisCluster());
    const prefix = `app${engines++}`;
    const engine = engineOf(
      async () => startNode(new Cluster([...addresses], { clusterRetryStrategy: () => 50 }), { prefix }),
      async () => servers.forEach((server) => server.resume()),
    );
    return {
      ...engine,
      pause: async () => servers.forEach((server) => server.pause()),
      resume: async () => servers.forEach((server) => server.resume()),
    };
  },
  // What is not kept goes by any node of the cluster, what is kept by the channel's own.
  { ...settings, kill: true, pause: true, ordered: false, slack: 2_500, schedules: 10 },
);

test("what was entered is back when a part of the cluster has forgotten it, and listeners are told", async () => {
  const { addresses, servers } = (cluster ??= await startRedisCluster());
  const { broker, client } = startNode(new Cluster([...addresses]), { prefix: "part" });
  onTestFinished(async () => {
    await broker.close();
    client.disconnect();
  });
  const rooms = ["a", "b", "c", "d", "e", "f"];
  const ears = await Promise.all(rooms.map((room) => listen(broker, room)));
  for (const room of rooms) await broker.enter(room, "ada", "");
  for (const { url } of servers) {
    const raw = new Redis(url);
    await raw.flushall();
    await raw.call("CLIENT", "KILL", "TYPE", "normal");
    raw.disconnect();
    const entered = async (): Promise<number[]> => {
      const rolls = await all(rooms.map((room) => broker.roll(room)));
      return rolls.map(({ entries }) => entries.length);
    };
    await expect.poll(entered, { timeout: 10_000 }).toEqual(rooms.map(() => 1));
  }
  expect(ears.filter(({ interruptions }) => interruptions === 0)).toEqual([]);
});

test("ioredis' clients fit", () => {
  const clients = [] as Cluster[];
  expect(clients satisfies RedisClient[]).toEqual([]);
});
