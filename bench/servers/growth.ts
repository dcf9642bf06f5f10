/*
 * An app of many channels, services and procedures. Arguments: `services=n`, `procedures=n` in each, and on standard input
 * `registered` asks how long it took to make and register them, in ns.
 */
import * as v from "valibot";
import { serve } from "../../adapters/node.ts";
import { prism } from "../../mod.ts";
import { channel, pubsub } from "../../src/services/pubsub/server.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";
import { ready } from "./ready.ts";

const numberOf = (name: string): number =>
  Number(process.argv.find((argument) => argument.startsWith(`${name}=`))?.slice(name.length + 1) ?? 1);

const [services, procedures] = [numberOf("services"), numberOf("procedures")];
const Text = v.string();
const app = prism({
  session: { secret: "s".repeat(32) },
  limits: { connectionsPerAddress: 100_000, upgrades: 1_000_000 },
}).service(
  "rooms",
  pubsub(
    { "room/:id": channel({ message: Text, input: Text, publish: (text) => text, subscribe: true }) },
    { subscriptions: 10_000 },
  ),
);
const began = process.hrtime.bigint();
for (let service = 0; service < services; service++) {
  const table = Object.fromEntries(
    // Each has a schema and a handler of its own, as in an app.
    Array.from({ length: procedures }, (_, i) => [
      `procedure${i}`,
      procedure(v.object({ n: v.number() }), (value) => value),
    ]),
  );
  app.service(`service${service}`, rpc(table));
}
const registered = Number(process.hrtime.bigint() - began);
const { port } = await serve(app, { port: 0 });
ready(port);
process.stdin.on("data", (chunk: Buffer) => {
  if (String(chunk).startsWith("registered")) console.log(`registered ${registered}`);
});
