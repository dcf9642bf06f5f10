import * as v from "valibot";
import { serve } from "../../adapters/node.ts";
import { prism } from "../../mod.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";

const Echo = v.object({ n: v.number() });
const app = prism().service("bench", rpc({ echo: procedure(Echo, (value) => value) }));
const { port } = await serve(app, { port: 0 });
console.log(`ready ${port}`);
