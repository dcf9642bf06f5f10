import { createServer } from "node:net";

/** A port of this machine that was free a moment ago. Prefer port 0 wherever the thing under test takes it. */
export async function freePort(): Promise<number> {
  return (await tryPort(0)) ?? Promise.reject(new Error("No port is free"));
}

/**
 * A free port for a server that goes and comes back to it: below those that the kernel gives to outgoing connections, one
 * of which could take it meanwhile.
 */
export async function lastingPort(): Promise<number> {
  for (;;) {
    const port = await tryPort(10_000 + Math.floor(Math.random() * 22_000));
    if (port !== undefined) return port;
  }
}

/** Listens for a moment; the port, or nothing where it is taken. */
async function tryPort(wanted: number): Promise<number | undefined> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(wanted, "127.0.0.1", () => resolve(true));
  });
  if (!free) return undefined;
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("The server has no port");
  return address.port;
}
