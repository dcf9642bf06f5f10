import { serve } from "../../../../adapters/node.ts";
import { run } from "./run.ts";

await run(serve);
