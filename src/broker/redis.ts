/**
 * The broker over Redis.
 *
 * @module
 */
import type { BrokerSource } from "./broker.ts";
import { createRedisBroker, type RedisBrokerOptions } from "./redis-broker.ts";
import type { RedisClient } from "./redis-client.ts";

export type * from "./broker.ts";
export type { RedisBrokerOptions } from "./redis-broker.ts";
export type { RedisArgument, RedisClient } from "./redis-client.ts";
export type { Clock, Timer } from "../wire/clock.ts";
export type { Body } from "../wire/frames.ts";

/**
 * Connects the servers of an app through Redis 6.2 or later, alone, with Sentinel, or as a Cluster. Messages that are kept
 * are in streams, one for each channel; whoever is to hear of them is told by Redis' own publishing, on a second connection
 * that is made of the client.
 *
 * Where a replica takes the place of a Redis that ends, what Redis had answered just before may be lost, and numbers that
 * were given may be given again: set `min-replicas-to-write` where that matters.
 *
 * @param client a client of ioredis, `Redis` or `Cluster`; it stays the caller's, who closes it after the app
 * @param options the names, and how long to wait
 * @returns what `prism` takes as its `broker`
 * @throws {TypeError} if the client is none of ioredis
 * @throws {RangeError} if a number of the options makes no sense
 * @example prism({ broker: redis(new Redis("redis://localhost")) })
 */
export function redis(client: RedisClient, options: RedisBrokerOptions = {}): BrokerSource {
  return { open: (clock) => createRedisBroker(client, clock, options) };
}
