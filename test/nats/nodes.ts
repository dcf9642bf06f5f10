import { connect as connectNats, headers, type NatsConnection } from "@nats-io/transport-node";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { createNatsBroker, type NatsBrokerOptions } from "../../src/broker/nats-broker.ts";
import type { Broker } from "../../src/broker/broker.ts";
import type { Clock, Timer } from "../../src/wire/clock.ts";

/** The time of one node, which can be stopped. */
export class NodeClock implements Clock {
  readonly #late = new Set<() => void>();
  #stopped = false;

  now(): number {
    return performance.now();
  }

  setTimer(run: () => void, ms: number): Timer {
    const ring = (): void => void (this.#stopped ? this.#late.add(ring) : run());
    const timer = setTimeout(ring, ms);
    timer.unref();
    return {
      cancel: () => {
        clearTimeout(timer);
        this.#late.delete(ring);
      },
    };
  }

  afterTurn(run: () => void): void {
    setImmediate(run);
  }

  random(): number {
    return Math.random();
  }

  stop(): void {
    this.#stopped = true;
  }

  go(): void {
    this.#stopped = false;
    const late = [...this.#late];
    this.#late.clear();
    for (const ring of late) ring();
  }
}

/** A way to the server that can be closed, and held up. */
export interface Way {
  readonly port: number;
  cut(): void;
  /** Whether nobody gets through any more. */
  bar(): void;
  hold(): void;
  release(): void;
  /** Loses what the server says next, and the connection with it; and nobody gets through until `release`, if so wished. */
  loseNext(bar?: boolean): void;
  close(): void;
}

/** Opens a way to a server on this machine. */
export async function openWay(port: number): Promise<Way> {
  const sockets = new Set<Socket>();
  let [held, barred, losing, barNext] = [false, false, false, false];
  const server = createServer((client) => {
    if (barred) return void client.destroy();
    const upstream = connect(port, "127.0.0.1");
    const pair = [client, upstream] as const;
    for (const socket of pair) {
      sockets.add(socket);
      socket
        .on("error", () => {})
        .on("close", () => {
          sockets.delete(socket);
          for (const one of pair) one.destroy();
        });
      if (held) socket.pause();
    }
    client.on("data", (data) => void upstream.write(data));
    upstream.on("data", (data) => {
      if (losing) {
        barred = barNext;
        for (const one of pair) one.destroy();
      } else client.write(data);
      losing = false;
    });
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    bar: () => {
      barred = true;
      cut();
    },
    hold: () => {
      held = true;
      for (const socket of sockets) socket.pause();
    },
    release: () => {
      [held, barred] = [false, false];
      for (const socket of sockets) socket.resume();
    },
    loseNext: (bar = false) => void ([losing, barNext] = [true, bar]),
    close: () => {
      barred = true;
      cut();
      server.close();
    },
  };
}

/** A node with a connection of its own, through a way that can be lost. */
export interface NatsNode {
  readonly broker: Broker;
  readonly connection: NatsConnection;
  readonly clock: NodeClock;
  readonly way: Way;
  close(): Promise<void>;
}

/** Starts a node on a server. */
export async function openNode(port: number, options: Partial<NatsBrokerOptions> = {}): Promise<NatsNode> {
  const way = await openWay(port);
  const connection = await connectNats({
    servers: `127.0.0.1:${way.port}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
    reconnectJitter: 0,
  });
  const clock = new NodeClock();
  const broker = createNatsBroker(connection, clock, { headers, ...options });
  return {
    broker,
    connection,
    clock,
    way,
    close: async () => {
      way.close();
      void broker.close(true);
      await connection.close();
    },
  };
}
