/** Serves the dashboard on Bun. */
import { serve } from "../../adapters/bun.ts";
import { run } from "./start.ts";

await run(serve);
