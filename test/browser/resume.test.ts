// A page whose connection outlives its sockets, in a real browser: offline, cut, frozen, and with servers that go.
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Proxy } from "../faults/proxy.ts";
import { launchChromium } from "../support/chromium.ts";
import {
  expectFresh,
  expectWhole,
  type Platform,
  platforms,
  quick,
  Server,
  signalRenderers,
  Tab,
} from "./resume/stage.ts";

const long = process.env["PRISM_LONG"] === "1";
/** For how long a page is offline, in ms: for a quarter of it where the server is not on Node. */
const AWAY = long ? 60_000 : 8_000;
/** How far apart the numbers are, in ms: a connection keeps no more than 1,024 frames while it has no socket. */
const APART = long ? 150 : 40;
/** How soon a page that wakes up or is online again has its connection back, in ms. */
const BACK = 2_500;

const [node] = platforms;
const options = { limits: quick, apart: APART };

const away = (platform: Platform): number => (platform === node ? AWAY : AWAY / 4);

/** Numbers go both ways, and calls are made, for a while. */
async function flow(tab: Tab): Promise<void> {
  for (let i = 0; i < 10; i++) await tab.call("count", `flow ${i} ${Math.random()}`);
}

describe.concurrent("a page", { timeout: AWAY + 50_000 }, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  /** Does something with a page and its server, and takes both down again. */
  async function stage(platform: Platform, run: (tab: Tab, server: Server) => Promise<void>): Promise<void> {
    const server = await Server.start(platform, options);
    try {
      const tab = await Tab.open(browser, server.port, APART);
      await run(tab, server);
      await tab.context.close();
      expect(server.process.errors()).toBe("");
    } finally {
      await server.process.stop();
    }
  }

  test.each(platforms)("goes on after a time offline, on $title", async (platform) => {
    await stage(platform, async (tab, { process }) => {
      await flow(tab);
      const mark = await tab.mark();
      await tab.context.setOffline(true);
      await process.line("suspend");
      await sleep(away(platform));
      await tab.context.setOffline(false);
      const { at } = await tab.said("online", mark);
      expect((await tab.said("resumed", mark)).at - at).toBeLessThan(BACK);
      await flow(tab);
      // The page itself may hear of the loss only once it is online again.
      expect((await tab.heard(mark)).toSorted()).toEqual(["offline", "online", "resumed", "suspended"]);
      await tab.shoot(`offline-${platform.title.toLowerCase()}`);
      expectWhole(await tab.finish());
    });
  });

  test.each(platforms)("goes on after its socket was cut, on $title", async (platform) => {
    const server = await Server.start(platform, options);
    const proxy = await Proxy.start({ target: server.port });
    try {
      const tab = await Tab.open(browser, proxy.port, APART);
      await flow(tab);
      const mark = await tab.mark();
      proxy.refusing = true;
      proxy.cut();
      await tab.said("suspended", mark);
      await sleep(away(platform));
      proxy.refusing = false;
      await tab.said("resumed", mark);
      for (let i = 0; i < 4; i++) {
        const mark = await tab.mark();
        proxy.cutMidway();
        await tab.said("resumed", mark);
      }
      await flow(tab);
      expect(new Set(await tab.heard(mark))).toEqual(new Set(["suspended", "resumed"]));
      await tab.shoot(`cut-${platform.title.toLowerCase()}`);
      expectWhole(await tab.finish());
      await tab.context.close();
    } finally {
      await proxy.stop();
      await server.process.stop();
    }
  });

  test.each(platforms)("begins anew where its server was killed, on $title", async (platform) => {
    await stage(platform, async (tab, server) => {
      await flow(tab);
      const mark = await tab.mark();
      for (const name of ["hold", "again"]) await tab.begin(name, "in flight");
      await tab.call("count", "they have left");
      await server.kill();
      await tab.said("suspended", mark);
      for (const name of ["count", "hold", "again"]) await tab.begin(name, "queued");
      await server.start({ released: true });
      await tab.said("reset", mark);
      await flow(tab);
      const report = await tab.finish();
      expectFresh(report);
      const outcomes = report.calls
        .filter(({ key }) => key === "in flight" || key === "queued")
        .map(({ name, key, value, code }) => [key, name, code ?? value]);
      expect(outcomes).toEqual([
        ["in flight", "hold", "lost"],
        ["in flight", "again", "in flight again"],
        ["queued", "count", 1],
        ["queued", "hold", "queued held"],
        ["queued", "again", "queued again"],
      ]);
      const heard = await tab.heard(mark);
      expect(heard.filter((name) => name !== "lost")).toEqual(["suspended", "reset", "open"]);
      await tab.shoot(`killed-${platform.title.toLowerCase()}`);
    });
  });

  test("hears that its server goes, and is back with the next one", async () => {
    await stage(node, async (tab, server) => {
      await flow(tab);
      const mark = await tab.mark();
      process.kill(server.process.pid, "SIGTERM");
      expect((await tab.said("suspended", mark)).detail).toMatch(/^1012 /);
      expect(await server.process.exited).toBe(0);
      await tab.begin("count", "queued");
      await server.start({});
      await tab.said("reset", mark);
      await flow(tab);
      const report = await tab.finish();
      expectFresh(report);
      expect(report.calls.find(({ key }) => key === "queued")).toMatchObject({ value: 1 });
      expect((await tab.heard(mark)).filter((name) => name !== "lost")).toEqual(["suspended", "reset", "open"]);
      await tab.shoot("drained");
    });
  });
});

describe("a page that was frozen", () => {
  /** Freezes a page until its server says something, and then for a while. */
  async function freeze(
    resumeWithin: number,
    until: string,
    run: (tab: Tab, server: Server, mark: number, woke: number) => Promise<void>,
  ): Promise<void> {
    const server = await Server.start(node, { ...options, limits: { ...quick, resumeWithin } });
    // Of its own, since all its pages are frozen.
    const browser = await launchChromium();
    try {
      const tab = await Tab.open(browser, server.port, APART);
      await flow(tab);
      for (const name of ["hold", "again"]) await tab.begin(name, "in flight");
      await tab.call("count", "they have left");
      const mark = await tab.mark();
      await signalRenderers(browser, "SIGSTOP");
      try {
        await server.process.line(until);
        await sleep(1_000);
        server.process.write("release");
      } finally {
        await signalRenderers(browser, "SIGCONT");
      }
      await run(tab, server, mark, performance.now());
      expect(server.process.errors()).toBe("");
    } finally {
      await browser.close();
      await server.process.stop();
    }
  }

  test("goes on, as long as its server has waited for it", async () => {
    await freeze(60_000, "suspend", async (tab, { process }, mark, woke) => {
      await tab.said("resumed", mark);
      expect(performance.now() - woke).toBeLessThan(BACK);
      await process.line("resume");
      await flow(tab);
      expect(await tab.heard(mark)).toEqual(["suspended", "resumed"]);
      await tab.shoot("frozen");
      const { calls, ...report } = await tab.finish();
      expectWhole({ ...report, calls: calls.filter(({ name }) => name === "count") });
      expect(calls.filter(({ name }) => name !== "count").map(({ value }) => value)).toEqual([
        "in flight held",
        "in flight again",
      ]);
    });
  });

  test("says so where it was frozen for longer", async () => {
    await freeze(1_000, "disconnect", async (tab, _, mark, woke) => {
      await tab.said("reset", mark);
      expect(performance.now() - woke).toBeLessThan(BACK);
      await flow(tab);
      expect((await tab.heard(mark)).filter((name) => name !== "lost")).toEqual(["suspended", "reset", "open"]);
      await tab.shoot("frozen-too-long");
      const report = await tab.finish();
      expectFresh(report);
      const held = report.calls.filter(({ name }) => name !== "count");
      expect(held.map(({ code, value }) => code ?? value)).toEqual(["lost", "in flight again"]);
    });
  });
});
