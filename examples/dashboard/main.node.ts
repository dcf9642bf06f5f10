/** Serves the dashboard on Node. */
import { serve } from "../../adapters/node.ts";
import { app } from "./app.ts";
import { run } from "./start.ts";

await run((address) => serve(app, address));
