/** Serves a node of the cluster on Node. */
import { serve } from "../../adapters/node.ts";
import { start } from "./start.ts";

await start(serve);
