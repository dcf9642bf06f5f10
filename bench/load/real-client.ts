import { connect } from "../../src/client/node.ts";
import { rpc } from "../../src/services/rpc/client.ts";
import type { BenchApp } from "../servers/prism.ts";

/** What `echo` takes and gives back. */
export interface Input {
  readonly n: number;
}

/** A client as users have it, on one connection of its own. */
export interface RealClient {
  call(input: Input): Promise<unknown>;
  close(): void;
}

/** Connects one to a port. */
export type ConnectReal = (port: number) => Promise<RealClient>;

interface PeerClients {
  readonly connectSocketIo: ConnectReal;
  readonly connectTrpc: ConnectReal;
  readonly connectOrpc: ConnectReal;
}

/** The peers' clients, whose packages are installed in `bench/peers` alone. */
export async function loadPeerClients(): Promise<PeerClients> {
  const url = new URL("../peers/clients.js", import.meta.url).href;
  return (await import(url)) as PeerClients;
}

/** Prism's own client. */
export const connectPrism: ConnectReal = async (port) => {
  const client = connect<BenchApp>(`ws://127.0.0.1:${port}/prism`, { services: { bench: rpc() } });
  await client.connection.opened;
  return {
    call: (input) => client.bench.echo(input),
    close: () => client.connection.close(),
  };
};
