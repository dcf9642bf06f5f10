import { serve } from "../../../../adapters/deno.ts";
import { run } from "./run.ts";

await run(serve);
