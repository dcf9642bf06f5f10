import process from "node:process";
import { createInterface } from "node:readline";
import type { Limits } from "../../mod.ts";
import type { Servable } from "../../src/server/admission.ts";
import type { ServeOptions, Serving } from "../../src/server/serving.ts";
import { createApp } from "./app.ts";

/** What a test gives to a server, as JSON in its only argument. */
export interface RunOptions {
  readonly port?: number;
  readonly limits?: Partial<Limits>;
}

/** Where the two apps are; they differ in what they tell of unexpected errors. */
export interface Ready {
  readonly url: string;
  readonly port: number;
  readonly exposedUrl: string;
}

/** Serves the contract's app, says where, and closes at the line "close"; then nothing keeps the process alive. */
export async function run(serve: (app: Servable, options: ServeOptions) => Promise<Serving>): Promise<void> {
  const { port = 0, limits } = JSON.parse(process.argv[2] ?? "{}") as RunOptions;
  const hostname = "127.0.0.1";
  const server = await serve(createApp({ limits }), { port, hostname });
  const exposed = await serve(createApp({ exposeErrors: true }), { port: 0, hostname });
  const ready: Ready = { url: server.url, port: server.port, exposedUrl: exposed.url };
  console.log(`ready ${JSON.stringify(ready)}`);
  const input = createInterface({ input: process.stdin });
  input.once("line", async () => {
    await Promise.all([server.close(), exposed.close()]);
    input.close();
    process.stdin.destroy();
  });
}
