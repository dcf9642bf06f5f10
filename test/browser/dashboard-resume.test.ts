// The dashboard says how its connection is: live, on its way back, back with nothing lost, or a new one that caught up, or
// did not.
import { mkdirSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serve } from "../../adapters/node.ts";
import { createApp } from "../../examples/dashboard/app.ts";
import { watchMachine } from "../../examples/dashboard/machine.ts";
import { Proxy } from "../faults/proxy.ts";
import { launchChromium } from "../support/chromium.ts";
import { lastingPort } from "../support/ports.ts";
import { root, type RuntimeProcess, spawnRuntime } from "../support/runtimes.ts";

const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const looks = [
  { name: "light", options: { viewport: { width: 1440, height: 900 }, colorScheme: "light" } },
  { name: "dark", options: { viewport: { width: 1440, height: 900 }, colorScheme: "dark" } },
  { name: "phone", options: { ...phone, colorScheme: "light" } },
] as const;

async function start(port: number): Promise<RuntimeProcess> {
  const main = `${root}examples/dashboard/main.node.ts`;
  const server = spawnRuntime("node20", main, ["--port", String(port)], { PORT: "", HOST: "" });
  await server.line("Prism dashboard on ");
  return server;
}

const eventually = <T>(ask: () => T | Promise<T>) => expect.poll(ask, { timeout: 15_000, interval: 50 });
const status = (page: Page) => page.locator("#status-text").textContent();
async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel("Message").fill(text);
  await page.getByRole("button", { name: "Send" }).click();
  await eventually(() => last(page, "text")).toBe(text);
}
const last = (page: Page, what: string) => page.locator(`#messages .${what}`).last().textContent();
const figure = (page: Page, id: string) => page.locator(`#${id}`).textContent();

/** Has a page listen to the machine over a connection of its own, beside the dashboard's. */
const listen = (page: Page) =>
  page.evaluate(`import("/prism/client.js").then(({ connect }) => {
    globalThis.offsets = [];
    globalThis.events = [];
    const client = connect(undefined, { reconnect: { max: 2000 } });
    const machine = client.live.channel("machine");
    for (const name of ["resumed", "reset"]) client.connection.on(name, () => events.push(name));
    machine.on("subscribed", ({ first, recovered }) => first || events.push(recovered ? "recovered" : "missed"));
    const begun = machine.subscribe({ last: 120 });
    machine.on((sample, { offset }) => offsets.push(offset));
    return begun.then(() => {});
  })`);
const heard = (page: Page) => page.evaluate<string[]>("events");

/** A page that has each second once, in its charts too. */
async function expectWhole(page: Page): Promise<void> {
  // There is one each second: enough of them to tell.
  await eventually(() => page.evaluate<number>("offsets.length")).toBeGreaterThan(3);
  const offsets = await page.evaluate<number[]>("offsets");
  expect(offsets).toEqual(offsets.map((_, i) => offsets[0]! + i));
  const times = await page.evaluate<number[]>(
    `import("/charts.js").then(({ timeline }) => timeline.samples.map(({ at }) => at))`,
  );
  // As many as there were, so that a late timer of the server's is no gap.
  const [first = 0, last = 0] = [times.at(0), times.at(-1)];
  expect(times.length).toBeGreaterThanOrEqual((0.9 * (last - first)) / 1000);
}

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
  mkdirSync(`${root}test-output`, { recursive: true });
});
afterAll(() => browser?.close());

test("the dashboard says how its connection is", async () => {
  const port = await lastingPort();
  let server = await start(port);
  const proxy = await Proxy.start({ target: port });
  const shoot = (page: Page, look: string, state: string) =>
    page.screenshot({ path: `${root}test-output/dashboard-${state}-${look}.png` });
  try {
    // One that is not cut off says something meanwhile.
    const other = await browser.newPage();
    await other.goto(`http://127.0.0.1:${port}`);
    const tabs: { look: string; page: Page }[] = [];
    for (const { name, options } of looks) {
      const page = await browser.newPage(options);
      await page.goto(proxy.url);
      tabs.push({ look: name, page });
    }
    for (const { page } of tabs) {
      await eventually(() => status(page)).toBe("Live");
      await eventually(() => figure(page, "people-count")).toBe("4");
      await listen(page);
    }

    proxy.refusing = true;
    proxy.cut();
    for (const { look, page } of tabs) {
      await eventually(() => status(page)).toBe("Reconnecting, nothing lost yet");
      await shoot(page, look, "suspended");
    }
    await say(other, "Can you hear me?");

    proxy.refusing = false;
    for (const { look, page } of tabs) {
      await eventually(() => last(page, "note")).toMatch(/^Away for \d+ s, back at \d\d:\d\d: nothing was lost$/);
      expect(await status(page)).toMatch(/^(Back after \d+ s, nothing lost|Live)$/);
      await eventually(() => last(page, "text")).toBe("Can you hear me?");
      expect(await figure(page, "people-count")).toBe("4");
      await shoot(page, look, "resumed");
      await eventually(() => heard(page)).toEqual(["resumed"]);
      await expectWhole(page);
    }

    process.kill(server.pid, "SIGKILL");
    await server.exited;
    for (const { page } of tabs) await eventually(() => status(page)).toBe("Reconnecting, nothing lost yet");
    server = await start(port);
    for (const { look, page } of tabs) {
      await eventually(() => last(page, "note")).toMatch(/^Away for \d+ s, .+ and something may be missing$/);
      expect(await status(page)).toMatch(/^(Back after \d+ s, not all recovered|Live)$/);
      await shoot(page, look, "reset");
    }
  } finally {
    await proxy.stop();
    await server.stop();
  }
});

test("a page whose connection was given up catches up over a new one", async () => {
  // Connections wait for half a second in place of two minutes.
  const app = createApp({ limits: { resumeWithin: 500 } });
  const server = await serve(app, { port: 0, hostname: "127.0.0.1" });
  const stop = watchMachine(
    (sample) => app.services.live.publish("machine", sample),
    () => app.stats(),
  );
  const proxy = await Proxy.start({ target: server.port });
  try {
    const other = await browser.newPage();
    await other.goto(`http://127.0.0.1:${server.port}`);
    const page = await browser.newPage(looks[0].options);
    await page.goto(proxy.url);
    await eventually(() => figure(page, "people-count")).toBe("2");
    await listen(page);

    // Nobody has said anything yet: what it misses is the first message of all.
    proxy.refusing = true;
    proxy.cut();
    await eventually(() => figure(other, "people-count")).toBe("1");
    await say(other, "Are you still there?");

    proxy.refusing = false;
    await eventually(() => last(page, "note")).toMatch(/: over a new connection, and nothing was missed$/);
    expect(await status(page)).toMatch(/^(Back after \d+ s, caught up|Live)$/);
    await eventually(() => last(page, "text")).toBe("Are you still there?");
    for (const one of [page, other]) await eventually(() => figure(one, "people-count")).toBe("2");
    await eventually(() => heard(page)).toEqual(["reset", "recovered"]);
    await expectWhole(page);
    await page.screenshot({ path: `${root}test-output/dashboard-recovered-light.png` });
  } finally {
    stop();
    await proxy.stop();
    await server.close();
  }
});
