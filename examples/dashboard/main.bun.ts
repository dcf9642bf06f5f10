/** Serves the dashboard on Bun. */
import { serve } from "../../adapters/bun.ts";
import { app } from "./app.ts";
import { run } from "./start.ts";

await run((address) => serve(app, address));
