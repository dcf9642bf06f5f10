import { Load } from "../../src/connection/load.ts";
import { serverClock } from "../../src/server/clock.ts";
import { Dispatcher } from "../../src/server/dispatcher.ts";
import type { ServiceEntry } from "../../src/server/entry.ts";
import { AppLog } from "../../src/server/log.ts";
import type { Peer } from "../../src/server/peer.ts";
import { Reports } from "../../src/server/reports.ts";
import type { Middleware } from "../../src/service/middleware.ts";
import { defaultLimits } from "../../src/wire/limits.ts";
import { type Group, must, type Step, TOGETHER } from "./step.ts";

function throughChain(length: number): Step {
  let arrived = 0;
  let looked = 0;
  const pass = Array.from({ length }, (): Middleware => (inbound, next) => {
    looked++;
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
  return {
    name: length === 0 ? "no middleware" : `chain of ${length}`,
    operations: TOGETHER,
    run() {
      arrived = looked = 0;
      for (let i = 0; i < TOGETHER; i++) dispatcher.message(peer, 0, "body");
      must(arrived === TOGETHER && looked === TOGETHER * length, `${arrived} messages came through`);
    },
  };
}

interface Message {
  readonly connection: object;
  readonly service: string;
  body: string;
}

/** The same middleware as transform streams, one pipeline for a connection. */
function throughStreams(length: number): Step {
  const connection = {};
  let controller!: ReadableStreamDefaultController<Message>;
  let done = (): void => {};
  let arrived = 0;
  let looked = 0;
  let source = new ReadableStream<Message>({ start: (given) => void (controller = given) });
  for (let i = 0; i < length; i++) {
    const transform = (message: Message, to: TransformStreamDefaultController<Message>): void => {
      looked++;
      to.enqueue(message);
    };
    source = source.pipeThrough(new TransformStream({ transform }));
  }
  const write = (): void => {
    if (++arrived === TOGETHER) done();
  };
  void source.pipeTo(new WritableStream({ write }));
  return {
    name: length === 1 ? "transform stream" : `${length} transform streams`,
    operations: TOGETHER,
    async run() {
      arrived = looked = 0;
      // One promise for all of them, which is not the streams' own.
      const all = new Promise<void>((resolve) => (done = resolve));
      for (let i = 0; i < TOGETHER; i++) controller.enqueue({ connection, service: "it", body: "body" });
      await all;
      must(looked === TOGETHER * length, `${looked} messages were looked at`);
    },
  };
}

/** What middleware costs a message: the composed chain, and the streams that it could have been. */
export const middleware: Group = {
  name: "middleware, a message",
  prepare: async () => [throughChain(0), throughChain(1), throughChain(5), throughStreams(1), throughStreams(5)],
};
