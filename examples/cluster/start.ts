/** What the three `main` files share: a node, as its environment says. */
import process from "node:process";
import { type App, createApp, type Settings } from "./app.ts";
import { run } from "./services.ts";

/** Where to listen: what `serve` takes on every runtime. */
export interface Address {
  readonly port: number;
  readonly hostname: string;
}

/**
 * Serves a node until the process is told to end (SIGTERM), which `serve` takes as the order to drain.
 *
 * @param serve Listens, with the runtime's own adapter.
 */
export async function start(serve: (app: App, address: Address) => Promise<unknown>): Promise<void> {
  const { app, node } = createApp(readSettings());
  // Behind a balancer nobody else needs to reach it; on a machine of its own it listens to that machine's network.
  await serve(app, { port: Number(read("PORT")), hostname: process.env["HOST"] || "127.0.0.1" });
  await run(node, app.services.live, () => app.stats().connections);
}

function readSettings(): Settings {
  return {
    name: read("NODE_NAME"),
    redisUrl: read("REDIS_URL"),
    secret: read("SESSION_SECRET"),
    cache: process.env["SESSION_CACHE"] === "true" ? true : "coherent",
  };
}

function read(variable: string): string {
  const value = process.env[variable];
  if (!value) throw new Error(`A node needs ${variable} in its environment`);
  return value;
}
