/**
 * The broker over NATS.
 *
 * @module
 */
import type { BrokerSource } from "./broker.ts";
import { createNatsBroker, type NatsBrokerOptions } from "./nats-broker.ts";
import type { NatsConnection } from "./nats-connection.ts";

export type * from "./broker.ts";
export type { NatsBrokerOptions } from "./nats-broker.ts";
export type { NatsConnection, NatsHeaders, NatsMessage } from "./nats-connection.ts";
export type { Clock, Timer } from "../wire/clock.ts";
export type { Body } from "../wire/frames.ts";

/**
 * Connects the servers of an app through NATS 2.9 or later. Channels that keep nothing are plain subjects; those that do,
 * and who is in a channel, need JetStream. Give the connection `maxReconnectAttempts: -1`; it is not closed by this. A
 * message must fit in the server's `max_payload`, 1 MB where that was not raised: a larger one is refused as `too_large`.
 *
 * @param connection a connection of `@nats-io/transport-node` or one of its siblings
 * @param options the client's `headers`, and what else there is to choose
 * @returns what `prism` takes as its `broker`
 * @throws {TypeError} if an option is none
 * @example prism({ broker: nats(await connect({ servers: "nats.internal", maxReconnectAttempts: -1 }), { headers }) })
 */
export function nats(connection: NatsConnection, options: NatsBrokerOptions): BrokerSource {
  return { open: (clock) => createNatsBroker(connection, clock, options) };
}
