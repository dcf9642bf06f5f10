import { serve } from "../../../adapters/node.ts";
import { run } from "./app.ts";

await run(serve);
