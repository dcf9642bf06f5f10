// What a small call costs, counted where it costs: on the TCP connection between client and server, with the headers and
// masks of the WebSocket frames.
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect } from "../../src/client/node.ts";
import { rpc } from "../../src/services/rpc/client.ts";
import { runtimeNames, type RuntimeProcess, spawnRuntime } from "../support/runtimes.ts";
import type { App } from "./app.ts";
import type { Ready } from "./run.ts";

interface Counter {
  readonly port: number;
  up: number;
  down: number;
  close(): void;
}

/** Passes bytes on to a port of this machine, and counts them. */
async function count(port: number): Promise<Counter> {
  const sockets = new Set<Socket>();
  const proxy = createServer((from) => {
    const to = connectTcp(port, "127.0.0.1");
    for (const socket of [from, to]) {
      sockets.add(socket);
      socket.setNoDelay().on("error", () => {});
    }
    from.on("data", (chunk) => {
      counter.up += chunk.length;
      to.write(chunk);
    });
    to.on("data", (chunk) => {
      counter.down += chunk.length;
      from.write(chunk);
    });
    from.on("close", () => to.destroy());
    to.on("close", () => from.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const counter: Counter = {
    port: (proxy.address() as AddressInfo).port,
    up: 0,
    down: 0,
    close: () => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
    },
  };
  return counter;
}

describe.each(runtimeNames)("%s", (name) => {
  let server: RuntimeProcess;
  let ready: Ready;

  beforeAll(async () => {
    server = spawnRuntime(name, fileURLToPath(new URL(`${name.replace(/20|Current/, "")}.ts`, import.meta.url)));
    ready = await server.ready();
  }, 30_000);

  afterAll(async () => {
    await server.stop();
  });

  test('{"n":1} to echo and back takes 28 bytes', async () => {
    const counter = await count(ready.port);
    const client = connect<App, "calls">(`ws://127.0.0.1:${counter.port}`, { services: { calls: rpc() } });
    await client.calls.echo("the handshake, the welcome and its acknowledgement are over");
    for (let i = 0; i < 3; i++) {
      counter.up = counter.down = 0;
      expect(await client.calls.echo({ n: 1 })).toEqual({ n: 1 });
      expect({ up: counter.up, down: counter.down }).toEqual({ up: 17, down: 11 });
    }
    client.connection.close();
    counter.close();
  });
});
