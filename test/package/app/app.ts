import { prism } from "@prismrt/prism";
import { procedure, rpc } from "@prismrt/prism/services/rpc";
import { clock } from "prism-clock";
import * as v from "valibot";

const Sum = v.object({ a: v.number(), b: v.number() });

export const app = prism()
  .service(
    "math",
    rpc({
      add: procedure(Sum, ({ a, b }) => a + b),
      count: procedure(v.number(), async function* (to) {
        for (let i = 0; i < to; i++) yield i;
        return "done";
      }),
    }),
  )
  .service("clock", clock);

export type App = typeof app;
