/** Serves the dashboard on Deno. */
import { serve } from "../../adapters/deno.ts";
import { run } from "./start.ts";

await run(serve);
