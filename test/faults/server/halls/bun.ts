import { serve } from "../../../../adapters/bun.ts";
import { run } from "./run.ts";

await run(serve);
