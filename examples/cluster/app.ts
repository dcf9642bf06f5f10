/** One node of the cluster: the same application on Node, Bun and Deno, as many times as you like. */
import process from "node:process";
import { Redis } from "ioredis";
import { createStorage } from "unstorage";
import redisDriver from "unstorage/drivers/redis";
import { prism, type SessionOptions } from "../../mod.ts";
import { redis } from "../../src/broker/redis.ts";
import { sessions } from "../../src/http/sessions.ts";
import { rateLimit } from "../../src/middleware/rate-limit.ts";
import { pubsub } from "../../src/services/pubsub/server.ts";
import { createSite } from "./site.ts";
import { chat, control, createDesk, emits, type Identity, type Shape, ticks } from "./services.ts";

/** What a node has to know. All but the name is the same for each of them. */
export interface Settings {
  readonly name: string;
  readonly redisUrl: string;
  /** Signs the sessions' cookie: a cookie that one node sets has to be good on the others. */
  readonly secret: string;
  readonly cache: NonNullable<SessionOptions["cache"]>;
}

/** The runtime's own name: Bun and Deno have a `process.versions.node` too, so they are asked first. */
function runtime(): string {
  const { Bun, Deno } = globalThis as { Bun?: { version: string }; Deno?: { version: { deno: string } } };
  if (Bun) return `Bun ${Bun.version}`;
  if (Deno) return `Deno ${Deno.version.deno}`;
  return `Node ${process.versions.node}`;
}

export function createApp({ name, redisUrl, secret, cache }: Settings) {
  const node: Identity = { name, runtime: runtime(), pid: process.pid };
  const client = new Redis(redisUrl);
  // It tries again by itself. What needs it meanwhile waits, and then fails with `unavailable`.
  client.on("error", () => {});
  const storage = (base: string) => createStorage({ driver: redisDriver({ url: redisUrl, base }) });

  const app = prism<Shape>({
    // What is published on one node is heard on all, and a connection whose client comes to another node is asked for.
    // A node that is killed is missed by the others after the lease: shorter than the 10 s it is otherwise, for the show.
    broker: redis(client, { lease: 4_000 }),
    // Where a node that is told to go leaves its connections.
    handover: storage("handover"),
    session: { storage: storage("session"), secret, cache },
    // The balancer tells who the client is, and which host it asked for.
    trustProxy: true,
  })
    .service("live", pubsub({ ticks: ticks(), chat: chat(node), control: control() }, { emits }))
    .use("live", rateLimit({ by: "connection", rate: 2, burst: 12 }))
    .service("desk", ({ services }) => createDesk(node, services.live))
    .use("desk", rateLimit({ by: "connection", rate: 2, burst: 12 }));
  app.events.on("resume", (connection) => {
    app.services.live.emit("moved", node.name, { to: { connection } }).catch(() => {});
  });
  app.mount(createSite(node, sessions(app)).fetch);
  return { app, node };
}

export type App = ReturnType<typeof createApp>["app"];
