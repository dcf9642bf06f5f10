// An app that adds, for a real client.
import { prism } from "../../mod.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";
import { Sum } from "../systems/sum.ts";
import { ready } from "./ready.ts";
import { serve } from "./serve.ts";

const app = prism({ session: { secret: "a secret that only this bench needs to know" } }).service(
  "math",
  rpc({ add: procedure(Sum, ({ a, b }) => a + b) }),
);
export type App = typeof app;
ready((await serve(app)).port);
