import { serve } from "../../../adapters/bun.ts";
import { run } from "./app.ts";

await run(serve);
