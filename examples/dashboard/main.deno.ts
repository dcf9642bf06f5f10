/** Serves the dashboard on Deno. */
import { serve } from "../../adapters/deno.ts";
import { app } from "./app.ts";
import { run } from "./start.ts";

await run((address) => serve(app, address));
