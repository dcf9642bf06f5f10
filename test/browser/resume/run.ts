/** Serves the app in a process of its own, on any runtime, and says what becomes of its connections. */
import process from "node:process";
import { createInterface } from "node:readline";
import type { Servable } from "../../../src/server/admission.ts";
import type { ServeOptions, Serving } from "../../../src/server/serving.ts";
import { type AppOptions, createApp } from "./app.ts";

/** What a test gives to a server, as JSON in its only argument. */
export interface ServerOptions extends AppOptions {
  readonly port: number;
}

/** Writes `ready`, and then a line for each connection that comes, is suspended, resumed or gone. */
export async function run(serve: (app: Servable, options: ServeOptions) => Promise<Serving>): Promise<void> {
  const { port, ...options } = JSON.parse(process.argv[2]!) as ServerOptions;
  const { app, release } = createApp(options);
  for (const name of ["connect", "suspend", "resume", "disconnect"] as const) {
    app.events.on(name, ({ id }) => console.log(`${name} ${id}`));
  }
  app.events.on("error", (error) => console.error(error));
  await serve(app, { port, hostname: "127.0.0.1", drain: { within: 2_000 } });
  createInterface({ input: process.stdin }).on("line", release);
  console.log("ready {}");
}
