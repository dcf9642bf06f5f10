/** Serves a node of the cluster on Bun. */
import { serve } from "../../adapters/bun.ts";
import { start } from "./start.ts";

await start(serve);
