import { serve } from "@prismrt/prism/node";
import { connect } from "@prismrt/prism/client/node";
import { app } from "./app.ts";
import { check } from "./check.ts";

await check(await serve(app, { port: 0 }), connect);
