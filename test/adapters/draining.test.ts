// A process that is told to end, on every runtime: it drains, and ends with 0.
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { runtimeNames, spawnRuntime, type RuntimeProcess } from "../support/runtimes.ts";
import type { RunOptions } from "./draining/app.ts";

const started: RuntimeProcess[] = [];
afterEach(async () => {
  for (const child of started.splice(0)) await child.stop(100);
});

/** A socket to an app that has its welcome, and what came of it. */
interface Peer {
  readonly socket: WebSocket;
  readonly frames: string[];
  readonly closed: Promise<number>;
}

async function join(url: string): Promise<Peer> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/prism`, "prism.1");
  const frames: string[] = [];
  const closed = new Promise<number>((resolve) => socket.once("close", (code) => resolve(code)));
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.on("message", (data: Buffer) => {
      frames.push(...data.toString("utf8").split("\x1e"));
      resolve();
    });
  });
  expect(frames.shift()).toContain('"welcome":1');
  socket.send("%@");
  return { socket, frames, closed };
}

describe.each(runtimeNames)("%s", (name) => {
  async function start(options: RunOptions = {}): Promise<{ child: RuntimeProcess; url: string }> {
    const file = fileURLToPath(new URL(`draining/${name.replace(/20|Current/, "")}.ts`, import.meta.url));
    const child = spawnRuntime(name, file, [JSON.stringify(options)]);
    started.push(child);
    return { child, ...(await child.ready<{ url: string }>()) };
  }

  test("lets calls finish at SIGTERM, and nobody new in, and ends with 0", async () => {
    const { child, url } = await start();
    const { socket, frames, closed } = await join(url);
    socket.send("?@@@");
    await expect.poll(async () => (await fetch(`${url}/prism/health`)).status).toBe(200);
    process.kill(child.pid, "SIGTERM");
    await expect.poll(() => frames).toContain('${"draining":0}');
    expect((await fetch(`${url}/prism/health`)).status).toBe(503);
    const refused = await fetch(`${url}/prism/client.js`);
    expect(refused.status, "all else goes on").toBe(200);
    await refused.text();
    await expect(join(url)).rejects.toThrow("503");
    expect(await closed).toBe(1012);
    expect(frames).toContain('=@"waited"');
    expect(await child.exited, child.errors()).toBe(0);
    expect(child.errors()).toBe("");
  });

  test("ends what takes longer than it may", async () => {
    const { child, url } = await start({ drain: { within: 300 } });
    const { socket, frames, closed } = await join(url);
    socket.send("?@@A");
    await expect.poll(async () => (await fetch(`${url}/prism/health`)).status).toBe(200);
    process.kill(child.pid, "SIGTERM");
    expect(await closed).toBe(1012);
    expect(frames).toContain('${"draining":0}');
    expect(await child.exited, child.errors()).toBe(0);
  });

  test("ends at once where nobody is there", async () => {
    const { child } = await start();
    process.kill(child.pid, "SIGTERM");
    expect(await child.exited, child.errors()).toBe(0);
  });

  test("leaves the signal alone where the app says so", async () => {
    const { child, url } = await start({ drain: false });
    const { frames } = await join(url);
    process.kill(child.pid, "SIGTERM");
    // As the runtime has it: killed, or with the status of a shell.
    expect(["SIGTERM", 143]).toContain(await child.exited);
    expect(frames).toEqual([]);
  });

  test("is ended at once by a second signal", async () => {
    const { child, url } = await start();
    const { socket, frames } = await join(url);
    socket.send("?@@A");
    await expect.poll(async () => (await fetch(`${url}/prism/health`)).status).toBe(200);
    process.kill(child.pid, "SIGTERM");
    await expect.poll(() => frames).toContain('${"draining":0}');
    process.kill(child.pid, "SIGTERM");
    expect(["SIGTERM", 143]).toContain(await child.exited);
  });
});
