// The cluster example, by its one command: Redis, a node on each runtime, a proxy; and what becomes of its clients when a
// node is killed.
import { mkdirSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { root, spawnRuntime } from "../support/runtimes.ts";
import {
  expectWhole,
  figure,
  hearMore,
  journal,
  nodeOf,
  pidOf,
  press,
  rename,
  said,
  say,
  stateOf,
} from "./cluster/page.ts";
import { eventually, join, names, start, visit } from "./cluster/stage.ts";

let browser: Browser;
const faults: string[] = [];
beforeAll(async () => {
  browser = await launchChromium();
  mkdirSync(`${root}test-output`, { recursive: true });
});
afterAll(() => browser?.close());

async function openPage(url: string, options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  return openTab(await context.newPage(), url);
}

async function openTab(page: Page, url: string): Promise<Page> {
  page.setDefaultTimeout(15_000);
  page.on("pageerror", (error) => faults.push(String(error)));
  await page.goto(url);
  await eventually(() => page.locator("#status-text").textContent()).toBe("Open");
  await eventually(() => nodeOf(page)).not.toBe("–");
  for (const name of names) await eventually(() => stateOf(page, name)).toBe("there");
  return page;
}

describe("HAProxy, round robin", () => {
  test("a page goes on when its node is killed, and when it is drained", async () => {
    // Long enough for the page to see that it is gone.
    const cluster = await start("--restart", "3");
    expect(cluster.title).toBe("HAProxy, round robin, sessions coherent");
    const page = await openPage(cluster.url);
    const device = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
    const phone = await openPage(cluster.url, { ...device, colorScheme: "dark" });
    // The next socket goes to another node, as long as nobody else asks for something in between.
    while ((await nodeOf(phone)) === (await nodeOf(page))) await openTab(phone, cluster.url);
    await hearMore(page, 6);
    await expectWhole(page);

    // Whatever nodes they are on, they hear one another.
    await say(phone, "Hello from a phone");
    await eventually(() => said(page)).toBe(await said(phone));

    const first = (await nodeOf(page))!;
    const pid = await pidOf(page, first);
    await press(page, "Kill", first);
    await eventually(() => nodeOf(page)).not.toBe(first);
    await eventually(() => journal(page)).toMatch(/: reset, a new connection$/);
    await eventually(() => stateOf(page, first)).toBe("gone");
    await page.screenshot({ path: `${root}test-output/cluster-killed-light.png` });
    await phone.screenshot({ path: `${root}test-output/cluster-killed-phone.png` });
    await eventually(() => stateOf(page, first)).toBe("there");
    expect(await pidOf(page, first)).not.toBe(pid);
    await hearMore(page, 6);
    await expectWhole(page);
    expect(await figure(page, "recovered")).toBeGreaterThan(0);

    const second = (await nodeOf(page))!;
    await press(phone, "Drain", second);
    await eventually(() => nodeOf(page)).not.toBe(second);
    await eventually(() => journal(page)).toMatch(new RegExp(`${second} → \\w+: resumed, nothing lost$`));
    await eventually(() => stateOf(page, second)).toBe("there");
    await hearMore(page, 6);
    for (const one of [page, phone]) await expectWhole(one);
    expect(await phone.evaluate("document.documentElement.scrollWidth - innerWidth")).toBe(0);
    for (const one of [page, phone]) await one.context().close();
    await cluster.end("SIGINT");
    expect(faults).toEqual([]);
  });
});

describe("HAProxy, sticky", () => {
  test("all that a session has is on one node, also when its node is killed", async () => {
    const cluster = await start("--sticky");
    expect(cluster.title).toBe("HAProxy, sticky, sessions true");
    // Visitors are spread, and each is sent to the same node again.
    const visits = await Promise.all(Array.from({ length: 16 }, () => visit(cluster.url)));
    for (const nodes of visits) expect(new Set(nodes).size).toBe(1);
    expect(new Set(visits.flat()).size).toBeGreaterThan(1);

    const page = await openPage(cluster.url);
    const tabs = [page];
    for (let i = 0; i < 2; i++) tabs.push(await openTab(await page.context().newPage(), cluster.url));
    const node = (await nodeOf(page))!;
    await expectTogether(tabs, node);

    // What one tab puts into the session, the others have: it is one object.
    const other = tabs.at(-1)!;
    await rename(page, "Ada");
    await eventually(() => other.getByLabel("You are").inputValue()).toBe("Ada");
    await say(other, "Who am I?");
    await eventually(() => said(page)).toBe(`Ada by way of ${node}: Who am I?`);

    await press(page, "Kill", node);
    for (const tab of tabs) {
      await eventually(() => nodeOf(tab)).not.toBe(node);
      await eventually(() => journal(tab)).toMatch(/: reset, a new connection$/);
    }
    const next = (await nodeOf(page))!;
    await expectTogether(tabs, next);
    await rename(page, "Ada L.");
    await eventually(() => other.getByLabel("You are").inputValue()).toBe("Ada L.");
    await say(other, "And now?");
    await eventually(() => said(page)).toBe(`Ada L. by way of ${next}: And now?`);

    // The one that was killed is back, and the session stays where it is.
    await eventually(() => stateOf(page, node)).toBe("there");
    await hearMore(page, 6);
    tabs.push(await openTab(await page.context().newPage(), cluster.url));
    await expectTogether(tabs, next);
    for (const tab of tabs) await expectWhole(tab);
    await page.context().close();
    await cluster.end("SIGTERM");
    expect(faults).toEqual([]);
  });

  /** Sockets and requests of a session, all on one node. */
  async function expectTogether(tabs: readonly Page[], node: string): Promise<void> {
    for (const tab of tabs) {
      expect(await nodeOf(tab)).toBe(node);
      const answers = `Promise.all([1, 2, 3].map(async () => (await (await fetch("/node")).json()).name))`;
      expect(await tab.evaluate(answers)).toEqual([node, node, node]);
    }
  }
});

describe("Nginx", () => {
  test("clients are served by all nodes, and go on when theirs is killed", async () => {
    const cluster = await start("--proxy", "nginx");
    expect(cluster.title).toBe("Nginx, round robin, sessions coherent");
    const clients = Array.from({ length: 6 }, () => join(cluster.url));
    for (const client of clients) await client.begun;
    const on = await Promise.all(clients.map(({ where }) => where()));
    expect(new Set(on)).toEqual(new Set(names));

    const [one] = clients;
    const [node] = on as [string];
    await one!.client.desk.end({ node, how: "kill" }).catch(() => {});
    const hit = clients.filter((_, i) => on[i] === node);
    for (const { heard } of hit) {
      await eventually(() => heard.events).toEqual(expect.arrayContaining(["suspended", "reset", "recovered"]));
      expect(heard.events).not.toContain("missed");
    }
    for (const { where } of hit) expect(await where()).not.toBe(node);
    // It is back, and gets its share again.
    await eventually(async () => new Set(await visit(cluster.url, 6))).toEqual(new Set(names));

    const drained = await one!.where();
    const before = one!.heard.events.length;
    await one!.client.desk.end({ node: drained, how: "drain" }).catch(() => {});
    await eventually(() => one!.where()).not.toBe(drained);
    // It may have been without a socket for a moment, and heard `suspended` and `resumed`, or not even that.
    await eventually(() => one!.heard.events.slice(before)).toContain("moved");
    expect(one!.heard.events.slice(before)).not.toContain("reset");
    const all = Math.max(...clients.map(({ heard }) => heard.offsets.at(-1)!));
    for (const { heard, client } of clients) {
      const { offsets } = heard;
      await eventually(() => offsets.at(-1)).toBeGreaterThan(all + 3);
      expect(offsets).toEqual(offsets.map((_, i) => offsets[0]! + i));
      client.connection.close();
    }
    await cluster.end("SIGTERM");
  });

  test("sticky: a visitor is sent to the same node, until that is killed", async () => {
    const cluster = await start("--proxy", "nginx", "--sticky");
    expect(cluster.title).toBe("Nginx, sticky, sessions coherent");
    const visits = await Promise.all(Array.from({ length: 16 }, () => visit(cluster.url)));
    for (const nodes of visits) expect(new Set(nodes).size).toBe(1);
    expect(new Set(visits.flat()).size).toBeGreaterThan(1);

    const page = await openPage(cluster.url);
    const node = (await nodeOf(page))!;
    const tab = await openTab(await page.context().newPage(), cluster.url);
    expect(await nodeOf(tab)).toBe(node);
    await press(page, "Kill", node);
    for (const one of [page, tab]) await eventually(() => nodeOf(one)).not.toBe(node);
    expect(await nodeOf(tab)).toBe(await nodeOf(page));
    await hearMore(page, 6);
    for (const one of [page, tab]) await expectWhole(one);
    await page.context().close();
    await cluster.end("SIGTERM");
    expect(faults).toEqual([]);
  });
});

describe("the command", () => {
  test.each([
    { args: ["--proxy", "squid"], says: 'The proxy is haproxy or nginx, not "squid"' },
    { args: ["--runtime", "bun"], says: 'The example "cluster" runs on several runtimes at once' },
  ])("says what is wrong with $args", async ({ args, says }) => {
    const launcher = spawnRuntime("node20", `${root}scripts/start.ts`, ["--example", "cluster", ...args]);
    expect(await launcher.exited).toBe(1);
    expect(launcher.errors()).toContain(says);
    expect(launcher.errors()).not.toContain("    at ");
  });
});
