import { afterAll, beforeAll } from "vitest";
import type { Broker } from "../../src/broker/broker.ts";
import { describeBroker, type Engine } from "../broker/contract.ts";
import { type NatsServer, startNats } from "../support/nats.ts";
import { type NatsNode, openNode } from "./nodes.ts";

const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const limits = { lease: 2_000, patience: 1_500, queue: 400, queueBytes: 10_000_000 };

let shared: NatsServer;
beforeAll(async () => void (shared = await startNats()));
afterAll(() => shared.stop());

let prefixes = 0;

/** The nodes of one test, on the server of all or on one that can be halted. */
async function openEngine(server: NatsServer, close: () => Promise<void>): Promise<Engine> {
  const prefix = `test${prefixes++}`;
  const nodes = new Map<Broker, NatsNode>();
  const of = (node: Broker): NatsNode => nodes.get(node)!;
  return {
    async open() {
      const node = await openNode(server.port, { prefix, ...limits });
      nodes.set(node.broker, node);
      return node.broker;
    },
    pass,
    async kill(node) {
      of(node).clock.stop();
      of(node).way.bar();
    },
    async cut(node) {
      of(node).way.cut();
    },
    async hold(node) {
      of(node).clock.stop();
      of(node).way.hold();
    },
    async release(node) {
      of(node).way.release();
      of(node).clock.go();
    },
    async pause() {
      server.pause();
      // A thread of its may still be about to answer.
      await pass(20);
    },
    async resume() {
      server.resume();
    },
    async stop() {
      await server.kill();
      server.forget();
    },
    start: () => server.restart(),
    async close() {
      await Promise.all([...nodes.values()].map((node) => node.close()));
      await close();
    },
  };
}

async function openOwn(): Promise<Engine> {
  const server = await startNats();
  return openEngine(server, () => server.stop());
}

describeBroker("in NATS", () => openEngine(shared, async () => {}), {
  ...limits,
  slack: 2_000,
  kill: true,
  cut: true,
  hold: true,
});

describeBroker("in a NATS of its own", openOwn, { ...limits, slack: 2_000, pause: true, stop: true, schedules: 3 });
