// What middleware costs a message, in time and in bytes on the heap: the composed chain beside the same middleware as
// transform streams, one pipeline for a connection. `npm run bench:middleware`, which gives V8 a heap so large that
// nothing is collected while bytes are counted.
import process from "node:process";
import { bench, group, run } from "mitata";
import { serverClock } from "../src/server/clock.ts";
import { Load } from "../src/connection/load.ts";
import { Dispatcher } from "../src/server/dispatcher.ts";
import type { ServiceEntry } from "../src/server/entry.ts";
import { AppLog } from "../src/server/log.ts";
import type { Peer } from "../src/server/peer.ts";
import { Reports } from "../src/server/reports.ts";
import type { Middleware } from "../src/service/middleware.ts";
import { defaultLimits } from "../src/wire/limits.ts";

/** Messages that come together, as in one packet. */
const TOGETHER = 16;
/** Rounds before bytes are counted, so that all is compiled. */
const WARM_UP = 5_000;
/** Rounds over which they are counted: many where next to nothing is made, few where much is, which must all fit. */
const MANY = 100_000;
const FEW = 100;

let arrived = 0;
let looked = 0;
/** Takes messages that come together through to the service. */
type Way = () => void | Promise<void>;

function throughChain(length: number): Way {
  const pass = Array.from({ length }, (): Middleware => (inbound, next) => {
    looked += inbound.body.length;
    return next(inbound);
  });
  const entry = { name: "it", middleware: [], message: () => void arrived++ } as unknown as ServiceEntry;
  const dispatcher = new Dispatcher([entry], pass, new Reports(new AppLog(undefined, () => 0)), serverClock);
  const peer = {
    id: "peer",
    closed: false,
    passage: undefined,
    wire: { load: new Load(defaultLimits) },
  } as unknown as Peer;
  return () => {
    for (let i = 0; i < TOGETHER; i++) dispatcher.message(peer, 0, "body");
  };
}

interface Message {
  readonly connection: object;
  readonly service: string;
  body: string;
}

function throughStreams(length: number): Way {
  const connection = {};
  let controller!: ReadableStreamDefaultController<Message>;
  let done = (): void => {};
  let source = new ReadableStream<Message>({ start: (given) => void (controller = given) });
  for (let i = 0; i < length; i++) {
    const transform = (message: Message, to: TransformStreamDefaultController<Message>): void => {
      looked += message.body.length;
      to.enqueue(message);
    };
    source = source.pipeThrough(new TransformStream({ transform }));
  }
  const write = (): void => {
    if (++arrived % TOGETHER === 0) done();
  };
  void source.pipeTo(new WritableStream({ write }));
  return () => {
    // One promise for all of them, which is not the streams' own.
    const all = new Promise<void>((resolve) => (done = resolve));
    for (let i = 0; i < TOGETHER; i++) controller.enqueue({ connection, service: "it", body: "body" });
    return all;
  };
}

const ways: readonly (readonly [name: string, way: Way, rounds: number])[] = [
  ["no middleware", throughChain(0), MANY],
  ["chain of 1", throughChain(1), MANY],
  ["chain of 5", throughChain(5), MANY],
  ["transform stream", throughStreams(1), FEW],
  ["5 transform streams", throughStreams(5), FEW],
];

async function countBytes(way: Way, rounds: number): Promise<number> {
  const repeat = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      const late = way();
      // Waiting makes something of its own.
      if (late !== undefined) await late;
    }
  };
  await repeat(WARM_UP);
  arrived = 0;
  (globalThis as { gc?: () => void }).gc?.();
  const before = process.memoryUsage().heapUsed;
  await repeat(rounds);
  const bytes = process.memoryUsage().heapUsed - before;
  if (arrived !== rounds * TOGETHER) throw new Error(`${arrived} messages came through`);
  return bytes / arrived;
}

group(`${TOGETHER} messages through`, () => {
  for (const [name, way] of ways) bench(name, way);
});
await run();

if (!("gc" in globalThis)) throw new Error("Bytes are counted with --expose-gc");
console.log("\nbytes on the heap for each message");
for (const [name, way, rounds] of ways) {
  const bytes = await countBytes(way, rounds);
  console.log(`${name.padEnd(20)} ${bytes.toFixed(1).padStart(10)}`);
}
if (looked === 0) throw new Error("No middleware ran");
