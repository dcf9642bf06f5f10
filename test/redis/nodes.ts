import type { Cluster, Redis } from "ioredis";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Broker } from "../../src/broker/broker.ts";
import { createRedisBroker, type RedisBrokerOptions, type RedisClient } from "../../src/broker/redis-broker.ts";
import { serverClock } from "../../src/server/clock.ts";
import type { Clock } from "../../src/wire/clock.ts";
import type { Engine } from "../broker/contract.ts";

/** What a node of these tests has; each waits for little, so that tests do not. */
export const settings = { lease: 1_500, patience: 1_000, queue: 1_100, queueBytes: 10_000_000 } as const;

/** A way to a Redis that can be closed, and held. */
export interface Way {
  readonly port: number;
  /** Loses all answers that are under way, though what was asked arrives, and closes the sockets. */
  cut(): Promise<void>;
  hold(): void;
  release(): void;
  close(): void;
}

/** Opens a way to a Redis. */
export async function openWay(port: number): Promise<Way> {
  const sockets = new Set<Socket>();
  const answering = new Map<Socket, () => void>();
  let held = false;
  const server: Server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    client.pipe(upstream).pipe(client);
    answering.set(client, () => upstream.unpipe(client).resume());
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      if (held) socket.pause();
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        answering.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const destroy = (some: Iterable<Socket>): void => {
    for (const socket of some) socket.destroy();
  };
  return {
    port: (server.address() as { port: number }).port,
    async cut() {
      const some = [...sockets];
      for (const socket of some) answering.get(socket)?.();
      await new Promise((resolve) => setTimeout(resolve, 5));
      destroy(some);
    },
    hold() {
      held = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    release() {
      held = false;
      // What was under way is lost, and others are opened.
      destroy(sockets);
    },
    close() {
      destroy(sockets);
      server.close();
    },
  };
}

/** A node's own time, which stands still where the node is held up. */
export class NodeClock implements Clock {
  #held: (() => void)[] | undefined;

  now(): number {
    return serverClock.now();
  }

  setTimer(run: () => void, ms: number): { cancel(): void } {
    let over = false;
    const timer = serverClock.setTimer(() => {
      const go = (): void => {
        if (!over) run();
      };
      if (this.#held) this.#held.push(go);
      else go();
    }, ms);
    return {
      cancel() {
        over = true;
        timer.cancel();
      },
    };
  }

  afterTurn(run: () => void): void {
    serverClock.afterTurn(run);
  }

  random(): number {
    return Math.random();
  }

  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const run of held) run();
  }
}

/** A node, with what it needs to be put through something. */
export interface RedisNode {
  readonly broker: Broker;
  readonly clock: NodeClock;
  readonly client: Redis | Cluster;
  /** The connections that the broker has made. */
  readonly made: { disconnect(): void }[];
}

/** Starts a broker whose connections can be seen. */
export function startNode(client: Redis | Cluster, options: Partial<RedisBrokerOptions> = {}): RedisNode {
  client.on("error", () => {});
  const clock = new NodeClock();
  const made: { disconnect(): void }[] = [];
  const broker = createRedisBroker(watched(client, made), clock, { ...settings, ...options });
  return { broker, clock, client, made };
}

/** The client, with a list of what is made of it. */
function watched(client: Redis | Cluster, made: { disconnect(): void }[]): RedisClient {
  const watch = <Model extends object>(model: Model): Model =>
    new Proxy(model, {
      get(target, name) {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          const answer = (value as (...args: unknown[]) => unknown).apply(target, args);
          if (name === "duplicate") made.push(answer as { disconnect(): void });
          if (name === "nodes") return (answer as object[]).map((node) => watch(node));
          return answer;
        };
      },
    });
  return watch(client);
}

/** What engines on Redis have in common. */
export function engineOf(open: () => Promise<RedisNode>, close: () => Promise<void>): Engine & { nodes: RedisNode[] } {
  const nodes: RedisNode[] = [];
  const of = (broker: Broker): RedisNode => nodes.find((node) => node.broker === broker)!;
  const die = ({ clock, client, made }: RedisNode): void => {
    clock.hold();
    client.disconnect();
    for (const one of made) one.disconnect();
  };
  return {
    nodes,
    async open() {
      const node = await open();
      nodes.push(node);
      return node.broker;
    },
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    kill: async (broker) => die(of(broker)),
    async close() {
      await Promise.all(
        nodes.map(async ({ broker, clock }) => {
          clock.release();
          await broker.close(true);
        }),
      );
      for (const node of nodes) die(node);
      await close();
    },
  };
}
