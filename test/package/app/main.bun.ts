import { serve } from "@prismrt/prism/bun";
import { connect } from "@prismrt/prism/client";
import { app } from "./app.ts";
import { check } from "./check.ts";

await check(await serve(app, { port: 0 }), connect);
