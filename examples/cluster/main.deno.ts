/** Serves a node of the cluster on Deno. */
import { serve } from "../../adapters/deno.ts";
import { start } from "./start.ts";

await start(serve);
