/** The dashboard: the same application on Node, Bun and Deno. */
import os from "node:os";
import process from "node:process";
import * as v from "valibot";
import { prism } from "../../mod.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";
import { machine, type Traffic } from "./machine.ts";
import { room } from "./room.ts";
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

/** A function with a declared result, so that the type of `app` does not depend on itself. */
function traffic(): Traffic {
  return app.stats();
}

export const app = prism({ admit, assets, fetch: site })
  .service("machine", machine(traffic))
  .service("room", room)
  .service("tools", tools);

export type App = typeof app;
