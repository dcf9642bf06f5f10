import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { attach, requestListener, serve } from "../../adapters/node.ts";
import type { Servable } from "../../src/server/admission.ts";
import { rawConnect, upgradeRequest } from "./raw-client.ts";
import { createServable } from "./servable/servable.ts";

function echo(url: string, message: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url);
    ws.on("open", () => ws.send(message));
    ws.on("message", (data: Buffer) => {
      resolve(data.toString());
      ws.close();
    });
    ws.on("error", reject);
  });
}

describe("attach", () => {
  let app: Servable;
  let server: Server;
  let port: number;

  beforeEach(async () => {
    app = createServable();
    server = createServer((_, response) => response.end("owner"));
    await new Promise<void>((resolve) => server.listen(0, resolve));
    ({ port } = server.address() as AddressInfo);
  });

  afterEach(() => {
    server.close();
    server.closeAllConnections();
    return app.close();
  });

  test("leaves requests and other upgrades to the owner", async () => {
    const theirs = new WebSocketServer({ noServer: true });
    const onupgrade = (incoming: IncomingMessage, raw: Duplex, head: Buffer): void => {
      if (incoming.url !== "/theirs") return;
      theirs.handleUpgrade(incoming, raw, head, (ws) =>
        ws.on("message", (data: Buffer) => ws.send(`theirs ${data.toString()}`)),
      );
    };
    server.on("upgrade", onupgrade);
    attach(app, server);
    expect(await echo(`ws://localhost:${port}/prism`, "one")).toBe("one");
    expect(await echo(`ws://localhost:${port}/theirs`, "two")).toBe("theirs two");
    expect(await (await fetch(`http://localhost:${port}/prism`)).text()).toBe("owner");
  });

  test("answers foreign upgrades as Node does when nobody else listens for them", async () => {
    attach(app, server);
    const { head, tcp, ended } = rawConnect(port, upgradeRequest({ target: "/other" }));
    expect(await head).toMatch(/^HTTP\/1\.1 200 /);
    expect((await ended).toString()).toContain("owner");
    tcp.destroy();
    const reset = rawConnect(port, upgradeRequest({ method: "POST", target: "/other" }));
    expect(await reset.head).toMatch(/^HTTP\/1\.1 501 /);
    reset.tcp.resetAndDestroy();
  });

  test("takes no upgrades once it is detached", async () => {
    const attachment = attach(app, server);
    const kept = new WebSocket(`ws://localhost:${port}/prism`);
    await new Promise((resolve) => kept.on("open", resolve));
    attachment.detach();
    expect(server.listenerCount("upgrade")).toBe(0);
    const back = new Promise((resolve) => kept.on("message", (data: Buffer) => resolve(data.toString())));
    kept.send("still there");
    expect(await back).toBe("still there");
    kept.close();
    const { head, tcp } = rawConnect(port, upgradeRequest({ target: "/prism" }));
    expect(await head).toMatch(/^HTTP\/1\.1 200 /); // Node itself: a plain request, when nobody listens for upgrades.
    tcp.destroy();
  });

  test("leaves the admission alone when another listener took the socket", async () => {
    const theirs = new WebSocketServer({ server });
    theirs.on("connection", (ws) => ws.send("theirs"));
    attach(app, server);
    const ws = new WebSocket(`ws://localhost:${port}/prism?id=both`);
    await new Promise((resolve) => ws.on("message", resolve));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const events = (await (await app.fetch(new Request("http://x/events?id=both"))).json()) as { what: string }[];
    expect(events.map(({ what }) => what)).toEqual(["admit", "abandon"]);
    ws.terminate();
    theirs.close();
  });
});

test("requestListener answers with the app", async () => {
  const server = createServer(requestListener(createServable()));
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as AddressInfo;
  const response = await fetch(`http://localhost:${port}/echo`, { method: "POST", body: "hi" });
  expect(await response.text()).toBe("hi");
  server.close();
  server.closeAllConnections();
});

test("serve leaves the globals as they are, and says when it cannot listen", async () => {
  const { Request, Response } = globalThis;
  const server = await serve(createServable(), { port: 0, hostname: "127.0.0.1" });
  expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
  await expect(serve(createServable(), { port: server.port, hostname: "127.0.0.1" })).rejects.toThrow(/EADDRINUSE/);
  expect([globalThis.Request, globalThis.Response]).toEqual([Request, Response]);
  await server.close();
});
