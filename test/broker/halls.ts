import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { WebSocket as Ws } from "ws";
import { connect } from "../../src/client/connect.ts";
import { webSocketDial } from "../../src/client/dial.ts";
import { pubsub } from "../../src/services/pubsub/client.ts";
import { type RuntimeName, type RuntimeProcess, spawnRuntime } from "../support/runtimes.ts";
import type { Hall } from "./hall/app.ts";
import type { HallOptions, Ready } from "./hall/run.ts";

export const runtimes: readonly RuntimeName[] = ["node20", "bun", "deno"];

/** A server of the hall, in a process of its own. */
export interface HallServer {
  readonly name: RuntimeName;
  readonly port: number;
  readonly process: RuntimeProcess;
}

/** Starts a server of the hall on each runtime. */
export async function startHalls(options: HallOptions): Promise<readonly HallServer[]> {
  const processes = runtimes.map((name) => {
    const file = new URL(`hall/${name.replace("20", "")}.ts`, import.meta.url);
    return spawnRuntime(name, fileURLToPath(file), [JSON.stringify(options)]);
  });
  return Promise.all(
    processes.map(async (process) => ({ name: process.name, process, ...(await process.ready<Ready>()) })),
  );
}

/** Ends servers: the engine's client, which is the app's own, would keep them. */
export async function stopHalls(servers: readonly HallServer[]): Promise<void> {
  await Promise.all(servers.map(({ process }) => process.stop(0)));
}

/** Somebody in the hall, who may go from one server to another. */
export class Guest {
  readonly user: string;
  readonly #client;
  readonly rooms;
  readonly connection;
  /** Where the next socket goes; nowhere while there is no server. */
  server: HallServer | undefined;
  #socket: Ws | undefined;

  constructor(user: string, server: HallServer) {
    this.user = user;
    this.server = server;
    const opens = (socket: Ws): void => void (this.#socket = socket);
    class Socket extends Ws {
      constructor(url: string, protocols: string[] = []) {
        super(url, protocols, { headers: { cookie: `user=${user}` } });
        opens(this);
      }
    }
    const dial = webSocketDial(Socket);
    this.#client = connect<Hall>("http://127.0.0.1", {
      services: { rooms: pubsub() },
      reconnect: { max: 250 },
      dial: (url, protocols, signal) => {
        if (this.server === undefined) throw new Error("There is no server");
        const there = new URL(url);
        there.port = String(this.server.port);
        return dial(there.href, protocols, signal);
      },
    });
    this.rooms = this.#client.rooms;
    this.connection = this.#client.connection;
  }

  /** Loses the socket. */
  cut(): void {
    this.#socket?.terminate();
  }

  leave(): void {
    this.connection.close();
  }
}

/** Waits for something to be so. */
export const eventually = <T>(ask: () => T | Promise<T>) => expect.poll(ask, { timeout: 15_000, interval: 10 });
