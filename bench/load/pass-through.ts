import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** What stands between clients and a server, and counts the bytes that TCP carries. */
export interface PassThrough {
  readonly port: number;
  /** Bytes from clients to the server so far. */
  up: number;
  /** Bytes from the server to clients so far. */
  down: number;
  close(): void;
}

/** Opens one in front of a port. */
export async function openPassThrough(port: number): Promise<PassThrough> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    const behind = connect(port, "127.0.0.1");
    keep(client);
    keep(behind);
    client.on("data", (chunk) => {
      passed.up += chunk.length;
      behind.write(chunk);
    });
    behind.on("data", (chunk) => {
      passed.down += chunk.length;
      client.write(chunk);
    });
    client.on("close", () => behind.destroy());
    behind.on("close", () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const passed: PassThrough = {
    port: (server.address() as AddressInfo).port,
    up: 0,
    down: 0,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  return passed;
}
