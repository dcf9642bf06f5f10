// Measures what a message makes on the heap between the wire and its listener; allocation.test.ts says what it may.
import process from "node:process";
import { serverClock } from "../../src/server/clock.ts";
import { Dispatcher } from "../../src/server/dispatcher.ts";
import { Load } from "../../src/connection/load.ts";
import { ServiceEntry, type EntryOwner } from "../../src/server/entry.ts";
import { AppLog } from "../../src/server/log.ts";
import type { Peer } from "../../src/server/peer.ts";
import { Reports } from "../../src/server/reports.ts";
import type { Middleware } from "../../src/service/middleware.ts";
import { defineService } from "../../src/service/service.ts";
import { defaultLimits } from "../../src/wire/limits.ts";

const MESSAGES = 200_000;

let seen = 0;
const pass: Middleware = (inbound, next) => {
  seen += inbound.body.length;
  return next(inbound);
};
/** Makes an object for each message: what the measurement must notice. */
let last: unknown;
const careless: Middleware = (inbound, next) => {
  last = { body: inbound.body };
  return next(inbound);
};

const chains: Readonly<Record<string, readonly Middleware[]>> = {
  none: [],
  one: [pass],
  five: [pass, pass, pass, pass, pass],
  careless: [pass, careless],
};

function createDispatcher(chain: readonly Middleware[]): Dispatcher {
  const reports = new Reports(new AppLog(undefined, () => 0));
  const owner = {
    clock: serverClock,
    limits: defaultLimits,
    describe: undefined,
    peers: new Set<Peer>(),
    reports,
    storageOf: () => ({}),
    channelsOf: () => ({}),
  } as unknown as EntryOwner;
  const service = defineService({
    kind: "counter",
    // The body itself: what reading it makes is not the chain's.
    codec: { encode: String, decode: (body) => body },
    client: () => ({}),
    server: (host) => host.onmessage((body) => (seen += String(body).length)),
  });
  return new Dispatcher([new ServiceEntry("it", 0, service, owner)], chain, reports, serverClock);
}

function measure(chain: readonly Middleware[]): number {
  const dispatcher = createDispatcher(chain);
  const peer = {
    id: "peer",
    closed: false,
    passage: undefined,
    wire: { load: new Load(defaultLimits) },
  } as unknown as Peer;
  const run = (): void => {
    for (let i = 0; i < MESSAGES; i++) dispatcher.message(peer, 0, "body");
  };
  // Compiled by then, for good.
  for (let i = 0; i < 5; i++) run();
  const { gc } = globalThis as { gc?: () => void };
  gc!();
  const before = process.memoryUsage().heapUsed;
  run();
  return (process.memoryUsage().heapUsed - before) / MESSAGES;
}

const [name = "none"] = process.argv.slice(2);
const bytes = measure(chains[name]!);
console.log(JSON.stringify({ bytes, seen: seen > 0 && last !== null }));
