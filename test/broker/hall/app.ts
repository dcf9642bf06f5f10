import * as v from "valibot";
import { prism, type BrokerSource } from "../../../mod.ts";
import { channel, pubsub } from "../../../src/services/pubsub/server.ts";

interface Shape {
  state: { readonly user: string };
}

const said = v.union([v.string(), v.instance(Uint8Array)]);

/** What is said in a room. */
export type Said = v.InferOutput<typeof said>;

/** The app of the tests with several runtimes: channels with and without history, of texts and bytes, and who is there. */
export function createHall(broker: BrokerSource) {
  const room = {
    message: said,
    input: said,
    publish: (it: Said) => it,
    subscribe: true,
    presence: ({ connection }: { connection: { state: Shape["state"] } }) => ({ id: connection.state.user }),
  } as const;
  return prism<Shape>({
    broker,
    admit: (request) => ({ state: { user: /\buser=(\w+)/.exec(request.headers.get("cookie") ?? "")?.[1] ?? "" } }),
    // Crowds come at once, from one address, and those of a server that is killed come to the others.
    limits: { connectionsPerAddress: 4_096, upgrades: 4_096 },
  }).service(
    "rooms",
    pubsub({
      "kept/:room": channel.with<Shape>()({ ...room, history: { size: 100, ttl: 600_000 } }),
      "plain/:room": channel.with<Shape>()(room),
    }),
  );
}

/** The app, for its clients' types. */
export type Hall = ReturnType<typeof createHall>;
