import type { Broker } from "../../src/broker/broker.ts";
import type { Engine } from "../broker/contract.ts";
import type { NatsServer } from "../support/nats.ts";
import { type NatsNode, openNode } from "./nodes.ts";

const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What the brokers under test promise, with times that a test can wait for. */
export const limits = { lease: 2_000, patience: 1_500, queue: 400, queueBytes: 10_000_000 };

let prefixes = 0;

/** The nodes of one test, on the server of all or on one that can be halted. */
export async function openEngine(server: NatsServer, close: () => Promise<void>): Promise<Engine> {
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
