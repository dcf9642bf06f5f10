import { Redis } from "ioredis";
import { describeBroker } from "../broker/contract.ts";
import { lastingPort } from "../support/ports.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { afterAll } from "vitest";
import { engineOf, openWay, type RedisNode, settings, startNode, type Way } from "./nodes.ts";

let server: RedisServer | undefined;
let engines = 0;
afterAll(() => server?.stop());

describeBroker(
  "in Redis",
  async () => {
    const redis = (server ??= await startRedis(await lastingPort()));
    const prefix = `app${engines++}`;
    const ways = new Map<string, Way>();
    const engine = engineOf(
      async (): Promise<RedisNode> => {
        const way = await openWay(redis.port);
        const node = startNode(new Redis(way.port, "127.0.0.1", { retryStrategy: () => 30 }), { prefix });
        ways.set(node.broker.node, way);
        return node;
      },
      async () => {
        for (const way of ways.values()) way.close();
        server?.resume();
      },
    );
    return {
      ...engine,
      cut: ({ node }) => ways.get(node)!.cut(),
      async hold(broker) {
        engine.nodes.find((node) => node.broker === broker)!.clock.hold();
        ways.get(broker.node)!.hold();
      },
      async release(broker) {
        ways.get(broker.node)!.release();
        engine.nodes.find((node) => node.broker === broker)!.clock.release();
      },
      pause: async () => redis.pause(),
      resume: async () => redis.resume(),
      async stop() {
        server = undefined;
        await redis.stop();
      },
      start: async () => void (server = await startRedis(redis.port)),
    };
  },
  { ...settings, kill: true, cut: true, hold: true, pause: true, stop: true, slack: 2_000, schedules: 15 },
);
