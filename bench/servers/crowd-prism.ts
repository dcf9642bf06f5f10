/*
 * A room that everybody may be in and a procedure that gives back what it is given, validated as an app would have it, on
 * whichever runtime runs it.
 */
import * as v from "valibot";
import { prism } from "../../mod.ts";
import { channel, pubsub } from "../../src/services/pubsub/server.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";
import { ready } from "./ready.ts";
import { serve } from "./serve.ts";

const Text = v.string();
const app = prism({
  session: { secret: "s".repeat(32) },
  limits: { connectionsPerAddress: 100_000, upgrades: 1_000_000 },
})
  .service("calls", rpc({ echo: procedure(v.object({ n: v.number() }), (value) => value) }))
  .service(
    "rooms",
    pubsub({ room: channel({ message: Text, input: Text, publish: (text) => text, subscribe: true }) }),
  );
ready((await serve(app)).port);
