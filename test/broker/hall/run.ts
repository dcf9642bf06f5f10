import process from "node:process";
import { connect, headers } from "@nats-io/transport-node";
import { Redis } from "ioredis";
import type { BrokerSource } from "../../../mod.ts";
import { nats } from "../../../src/broker/nats.ts";
import { redis } from "../../../src/broker/redis.ts";
import type { Servable } from "../../../src/server/admission.ts";
import type { ServeOptions, Serving } from "../../../src/server/serving.ts";
import { createHall } from "./app.ts";

/** What a server is given, as JSON in its only argument. */
export interface HallOptions {
  readonly engine: "redis" | "nats";
  /** Where the engine is. */
  readonly url: string;
  /** The lease of the broker, in ms. */
  readonly lease?: number;
}

/** What a server says when it listens. */
export interface Ready {
  readonly port: number;
}

export async function run(serve: (app: Servable, options: ServeOptions) => Promise<Serving>): Promise<void> {
  const { engine, url, ...options } = JSON.parse(process.argv[2]!) as HallOptions;
  let broker: BrokerSource;
  if (engine === "redis") broker = redis(new Redis(url), options);
  else broker = nats(await connect({ servers: url, maxReconnectAttempts: -1 }), { headers, ...options });
  const { port } = await serve(createHall(broker), { port: 0, hostname: "127.0.0.1" });
  console.log(`ready ${JSON.stringify({ port } satisfies Ready)}`);
}
