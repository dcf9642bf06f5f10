/** Serves the dashboard on Node. */
import { serve } from "../../adapters/node.ts";
import { run } from "./start.ts";

await run(serve);
