import process from "node:process";
import { createInterface } from "node:readline";
import type { Servable, TransportLimits } from "../../../src/server/admission.ts";
import type { ServeOptions, Serving } from "../../../src/server/serving.ts";
import { createServable } from "./servable.ts";

/** What a test gives to a server, as JSON in its only argument. */
export interface RunOptions extends ServeOptions {
  readonly compression?: boolean;
  readonly transport?: Partial<TransportLimits>;
}

/** Serves the fixture, says where, and closes at the line "close". */
export async function run(serve: (app: Servable, options: RunOptions) => Promise<Serving>): Promise<void> {
  const options = JSON.parse(process.argv[2] ?? "{}") as RunOptions;
  const server = await serve(createServable(options.transport), { port: 0, ...options });
  console.log(`ready ${JSON.stringify({ url: server.url, port: server.port })}`);
  createInterface({ input: process.stdin }).on("line", async () => {
    const started = performance.now();
    await Promise.all([server.close(), server.close()]);
    console.log(`closed ${Math.round(performance.now() - started)}`);
    process.exit(0);
  });
}
