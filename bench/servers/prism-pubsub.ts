// A channel that all are in, validated as an app would have it.
import * as v from "valibot";
import { prism } from "../../mod.ts";
import { channel, pubsub } from "../../src/services/pubsub/server.ts";
import { ready } from "./ready.ts";
import { serve } from "./serve.ts";

const Text = v.string();
const app = prism({ session: false, limits: { connectionsPerAddress: 100_000 } }).service(
  "bench",
  pubsub({ room: channel({ message: Text, input: Text, publish: (text) => text, subscribe: true }) }),
);
const { port } = await serve(app);
ready(port);
