import { createServer, type Server } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { type Haproxy, startHaproxy } from "./haproxy.ts";
import { lastingPort } from "./ports.ts";

/** A server that says who it is, and whether it takes anybody. */
class Node {
  readonly #name: string;
  readonly #port: number;
  status = 200;
  /** Requests that are not for its health. */
  asked = 0;
  #server: Server | undefined;

  constructor(name: string, port: number) {
    this.#name = name;
    this.#port = port;
  }

  async start(): Promise<void> {
    const server = createServer(({ url }, response) => {
      if (url !== "/prism/health") this.asked++;
      response.writeHead(this.status).end(this.#name);
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
  }

  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  }
}

describe("a load balancer before two servers", () => {
  let nodes: readonly [Node, Node];
  let haproxy: Haproxy | undefined;

  afterEach(async () => {
    await haproxy?.stop();
    for (const node of nodes) await node.kill();
  });

  async function start(): Promise<Haproxy> {
    const ports = [await lastingPort(), await lastingPort()];
    nodes = [new Node("one", ports[0]!), new Node("two", ports[1]!)];
    for (const node of nodes) await node.start();
    return (haproxy = await startHaproxy({ backends: ports }));
  }

  async function ask(times: number): Promise<string[]> {
    const answers: string[] = [];
    for (let i = 0; i < times; i++) {
      const response = await fetch(haproxy!.url);
      answers.push(response.ok ? await response.text() : `${response.status}`);
    }
    return answers;
  }

  test("they take turns", async () => {
    const { port, pid } = await start();
    expect([port > 0, pid > 0]).toEqual([true, true]);
    expect((await ask(10)).toSorted()).toEqual([...Array(5).fill("one"), ...Array(5).fill("two")]);
  });

  test("one is killed: requests go on, and it is found out; it comes back", async () => {
    const { until, status } = await start();
    await nodes[0].kill();
    expect(await ask(10)).toEqual(Array(10).fill("two"));
    await until(0, "DOWN");
    expect(status(1)).toBe("UP");
    await nodes[0].start();
    await until(0, "UP");
    expect(new Set(await ask(4))).toEqual(new Set(["one", "two"]));
  });

  test("one answers 503, to those who ask for its health too: requests go to the other", async () => {
    const { until } = await start();
    nodes[1].status = 503;
    expect(await ask(10)).toEqual(Array(10).fill("one"));
    // Some were sent to it before its health was known, and none of them was the client's to mind.
    await until(1, "DOWN");
    const { asked } = nodes[1];
    expect(await ask(10)).toEqual(Array(10).fill("one"));
    expect(nodes[1].asked).toBe(asked);
  });
});

test("one that does not start says why", async () => {
  await expect(startHaproxy({ backends: [70_000] })).rejects.toThrow(/does not run from .*\n.*70000/s);
});
