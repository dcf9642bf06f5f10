/** The dashboard: the same application on Node, Bun and Deno. */
import os from "node:os";
import process from "node:process";
import * as v from "valibot";
import { prism, type PrismOptions } from "../../mod.ts";
import { rateLimit } from "../../src/middleware/rate-limit.ts";
import { pubsub } from "../../src/services/pubsub/server.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";
import { machine } from "./machine.ts";
import { chat, people, type Shape } from "./room.ts";
import { attempt } from "./sampler.ts";
import { admit, assets, site } from "./site.ts";

const startedAt = Date.now();

/** The runtime's own name: Bun and Deno have a `process.versions.node` too, so they are asked first. */
export function runtime(): string {
  const { Bun, Deno } = globalThis as { Bun?: { version: string }; Deno?: { version: { deno: string } } };
  if (Bun) return `Bun ${Bun.version}`;
  if (Deno) return `Deno ${Deno.version.deno}`;
  return `Node ${process.versions.node}`;
}

const tools = rpc({
  /** Answers what it was given: what a round trip costs when nothing is done. */
  ping: procedure(v.number(), (n) => n),
  info: procedure(() => ({
    host: attempt(() => os.hostname()) ?? "this machine",
    platform: `${process.platform} ${process.arch}`,
    runtime: runtime(),
    startedAt,
    /** The server's clock, against which `startedAt` is to be read. */
    now: Date.now(),
  })),
});

/** @param options Added to the dashboard's own. */
export function createApp(options: PrismOptions<Shape> = {}) {
  const calm = rateLimit({ by: "connection", rate: 1, burst: 8 });
  return prism<Shape>({ admit, assets, fetch: site, ...options })
    .service("live", pubsub({ machine, chat }))
    .use("live", calm)
    .service("people", ({ services }) => people(services.live))
    .use("people", calm)
    .service("tools", tools);
}

export type App = ReturnType<typeof createApp>;
