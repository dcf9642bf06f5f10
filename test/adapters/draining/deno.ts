import { serve } from "../../../adapters/deno.ts";
import { run } from "./app.ts";

await run(serve);
