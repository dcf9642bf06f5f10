import type { Servable } from "../../src/server/admission.ts";
import type { Serving } from "../../src/server/serving.ts";

/** Serves an app with the adapter of the runtime that this runs on. */
export async function serve(app: Servable): Promise<Serving> {
  const options = { port: 0 };
  if ("Bun" in globalThis) return (await import("../../adapters/bun.ts")).serve(app, options);
  if ("Deno" in globalThis) return (await import("../../adapters/deno.ts")).serve(app, options);
  return (await import("../../adapters/node.ts")).serve(app, options);
}
