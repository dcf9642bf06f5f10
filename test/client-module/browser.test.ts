import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { spawnRuntime, type RuntimeProcess } from "../support/runtimes.ts";

const fixture = fileURLToPath(new URL("./fixtures/serve.ts", import.meta.url));
const expected = {
  sum: 3,
  items: [0, 1, 2],
  result: "done",
  total: 6,
  asked: true,
  failed: true,
  next: "next",
  text: "A\x1eB",
  bytes: [2, 4],
  point: { x: 2, y: 1 },
  ticks: [7],
  path: "/prism",
};

let browser: Browser;
let server: RuntimeProcess;
let port: number;
const started: RuntimeProcess[] = [];

async function start(...args: string[]): Promise<{ server: RuntimeProcess; port: number }> {
  const server = spawnRuntime("node20", fixture, args);
  started.push(server);
  return { server, port: (await server.ready<{ port: number }>()).port };
}

async function visit(url: string): Promise<{ shown: unknown; complaints: string[] }> {
  const complaints: string[] = [];
  const page = await browser.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => complaints.push(message.text()));
  await page.goto(url);
  // Not `waitForFunction`, which the page's policy forbids: it evaluates a string.
  let title = await page.title();
  for (let left = 100; left > 0 && !title.startsWith("{"); left--) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    title = await page.title();
  }
  await page.close();
  return { shown: title.startsWith("{") ? JSON.parse(title) : title, complaints };
}

beforeAll(async () => {
  browser = await launchChromium();
  ({ server, port } = await start());
});

afterAll(async () => {
  await browser?.close();
  for (const one of started) await one.stop();
});

test("a page under a strict policy uses the generated client", async () => {
  expect(await visit(`http://127.0.0.1:${port}/`)).toEqual({ shown: expected, complaints: [] });
});

test("a page of another origin uses it, and is connected to where it came from", async () => {
  const other = await start(`http://127.0.0.1:${port}/prism/client.js`);
  expect(other.port).not.toBe(port);
  expect(await visit(`http://127.0.0.1:${other.port}/`)).toEqual({ shown: expected, complaints: [] });
  server.write("close");
  expect(await server.exited).toBe(0);
});
