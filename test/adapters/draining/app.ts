import process from "node:process";
import { prism, type DrainOptions } from "../../../mod.ts";
import type { Servable } from "../../../src/server/admission.ts";
import type { ServeOptions, Serving } from "../../../src/server/serving.ts";
import { procedure, rpc } from "../../../src/services/rpc/server.ts";

/** What a test gives to a server, as JSON in its only argument. */
export interface RunOptions {
  readonly drain?: DrainOptions | false;
}

/** Serves an app with a call that takes its time, in ms, and says where. */
export async function run(serve: (app: Servable, options: ServeOptions) => Promise<Serving>): Promise<void> {
  const app = prism({ session: false }).service(
    "it",
    rpc({
      wait: procedure(async () => {
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        return "waited";
      }),
      hang: procedure(() => new Promise(() => {})),
    }),
  );
  app.events.on("disconnect", () => console.log("disconnected"));
  const options = JSON.parse(process.argv[2] ?? "{}") as RunOptions;
  const { url } = await serve(app, { port: 0, ...options });
  console.log(`ready ${JSON.stringify({ url })}`);
}
