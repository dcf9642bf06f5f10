import { mkdirSync, readFileSync } from "node:fs";
import os from "node:os";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { root, type RuntimeName, type RuntimeProcess, spawnRuntime } from "../support/runtimes.ts";

const runtimes = [
  { title: "Node", name: "node20", main: "main.node.ts" },
  { title: "Bun", name: "bun", main: "main.bun.ts" },
  { title: "Deno", name: "deno", main: "main.deno.ts" },
] as const;

const lost = "Reconnecting, nothing lost yet";
/** How a browser says that nobody listens. */
const unreachable = /^WebSocket connection to 'ws:\/\/localhost:\d+\/prism' failed/;

interface Dashboard {
  readonly process: RuntimeProcess;
  readonly url: string;
  readonly port: string;
}

/** Starts the dashboard as a process of its own, and waits until it says where it is. */
async function start(name: RuntimeName, main: string, port: string): Promise<Dashboard> {
  const env = { PORT: "", HOST: "" };
  const process = spawnRuntime(name, `${root}examples/dashboard/${main}`, ["--port", port], env);
  const [line, url = "", , taken = ""] =
    /^Prism dashboard on (http:\/\/(localhost):(\d+)) \(\w+ [\d.]+\)$/.exec(await process.line("")) ?? [];
  expect(line).toBeDefined();
  return { process, url, port: taken };
}

/** Opens the dashboard in a tab; what goes wrong in it is added to `faults`. */
async function openTab(context: BrowserContext, url: string, faults: string[]): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
  });
  page.on("response", (response) => {
    if (response.status() >= 400) faults.push(`${response.status()} for ${response.url()}`);
  });
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
      console.error(`The policy's ${violatedDirective} was violated with ${blockedURI}`);
    });
  });
  await page.goto(url);
  return page;
}

/** Waits until something in a page is as expected. */
const eventually = <T>(ask: () => T | Promise<T>) => expect.poll(ask, { timeout: 15_000, interval: 50 });

const status = (page: Page) => page.locator("#status-text").textContent();
const people = async (page: Page) => (await page.locator("#names .who").allTextContents()).toSorted();
const messages = (page: Page) => page.locator("#messages .text").allTextContents();
const figure = (page: Page, card: string) => page.locator(`#${card} .now`).textContent();
/** Every number that the cards show. */
const numbers = async (page: Page) =>
  (await page.locator("#cards :is(.now, .legend b, .cores b)").allTextContents()).join(" ");
const picture = (page: Page, card: string) =>
  page.evaluate((id) => document.querySelector<HTMLCanvasElement>(`#${id} canvas`)?.toDataURL(), card);

async function expectMovement(page: Page, times = 1): Promise<void> {
  for (let time = 0; time < times; time++) {
    const [text, drawing] = [await numbers(page), await picture(page, "delay")];
    await eventually(() => numbers(page)).not.toBe(text);
    await eventually(() => picture(page, "delay")).not.toBe(drawing);
  }
}

async function rename(page: Page, name: string): Promise<void> {
  await page.getByLabel("You are").fill(name);
  await page.getByLabel("You are").press("Enter");
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel("Message").fill(text);
  await page.getByRole("button", { name: "Send" }).click();
  await eventually(() => page.getByLabel("Message").inputValue()).toBe("");
}

/** Says something in each tab, and waits until both have it. */
async function expectChat(one: Page, other: Page, texts: readonly [string, string]): Promise<void> {
  for (const [from, text] of [[one, texts[0]] as const, [other, texts[1]] as const]) {
    await say(from, text);
    for (const page of [one, other]) await eventually(() => messages(page)).toContain(text);
  }
}

async function expectPeople(pages: readonly Page[], names: readonly string[]): Promise<void> {
  for (const page of pages) {
    await eventually(() => people(page)).toEqual(names);
    expect(await page.locator("#people-count").textContent()).toBe(String(names.length));
    expect(await page.locator("#names .you").count()).toBe(1);
  }
}

/** When the samples were taken that a page has, in ms. */
const times = (page: Page) =>
  page.evaluate<number[]>(`import("/charts.js").then(({ timeline }) => timeline.samples.map(({ at }) => at))`);

async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const { wanted, there } = await page.evaluate(() => ({
    wanted: document.documentElement.scrollWidth,
    there: document.documentElement.clientWidth,
  }));
  expect(wanted).toBe(there);
}

describe("the dashboard in a browser", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
    mkdirSync(`${root}test-output`, { recursive: true });
  });
  afterAll(() => browser?.close());

  test.each(runtimes)("with its server on $title", async ({ title, name, main }) => {
    const faults: string[] = [];
    let server = await start(name, main, "0");
    const size = { viewport: { width: 1440, height: 900 } };
    const [context, otherContext] = [await browser.newContext(size), await browser.newContext(size)];
    try {
      const ada = await openTab(context, server.url, faults);
      const grace = await openTab(otherContext, server.url, faults);

      // Live numbers, of this machine.
      for (const page of [ada, grace]) await eventually(() => status(page)).toBe("Live");
      await eventually(() => ada.locator("#runtime").textContent()).toContain(title);
      await eventually(() => ada.locator("#cpu .cores li").count()).toBe(os.cpus().length);
      const [, amount, unit] = / of ([\d.]+) (MiB|GiB|TiB)$/.exec((await figure(ada, "memory")) ?? "") ?? [];
      const total = Number(amount) * 1024 ** { MiB: 2, GiB: 3, TiB: 4 }[unit as "MiB"];
      expect(total / os.totalmem()).toBeCloseTo(1, 1);
      await eventually(() => figure(ada, "prism")).toBe("2 open");
      await expectMovement(ada, 2);

      // People and chat, between two tabs.
      await rename(ada, "Ada");
      await rename(grace, "Someone");
      await expectPeople([ada, grace], ["Ada", "Someone"]);
      await rename(grace, "Grace");
      await expectPeople([ada, grace], ["Ada", "Grace"]);
      await expectChat(ada, grace, ["Is the server up?", "<i>It is</i> & well"]);
      expect(await ada.locator("#messages .meta b").allTextContents()).toEqual(["Ada", "Grace"]);
      expect(await ada.locator("#messages i").count()).toBe(0);

      // Somebody with two tabs counts once, under one name.
      const tab = await openTab(context, server.url, faults);
      await expectPeople([ada, grace, tab], ["Ada", "Grace"]);
      await rename(tab, "Ada L.");
      await expectPeople([ada, grace, tab], ["Ada L.", "Grace"]);
      expect(await ada.getByLabel("You are").inputValue()).toBe("Ada L.");
      await rename(ada, "Ada");
      await expectPeople([ada, grace, tab], ["Ada", "Grace"]);
      await tab.close();
      await eventually(() => figure(ada, "prism")).toBe("2 open");
      await expectPeople([ada, grace], ["Ada", "Grace"]);

      // Who comes late sees what was before, and is seen to come and to go.
      const lateContext = await browser.newContext(size);
      const began = (await times(ada))[0]!;
      const late = await openTab(lateContext, server.url, faults);
      await rename(late, "Late");
      await expectPeople([ada, grace, late], ["Ada", "Grace", "Late"]);
      expect(await messages(late)).toEqual(await messages(ada));
      expect((await times(late))[0]).toBeLessThanOrEqual(began);
      await late.close();
      await expectPeople([ada, grace], ["Ada", "Grace"]);
      await lateContext.close();

      // Round trips.
      await ada.getByRole("button", { name: "Measure 50 calls" }).click();
      await eventually(() => ada.locator("#trip-summary").textContent()).toMatch(/^50 calls: median [\d.]+ ms/);
      const median = (await ada.locator("#trip-median").textContent()) ?? "";
      expect(median).toMatch(/^[\d.]+ ms$/);
      expect(Number.parseFloat(median)).toBeGreaterThan(0);
      expect(await ada.locator("#strip i").count()).toBe(50);

      // A phone.
      const device = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
      const pocket = await browser.newContext({ ...device, colorScheme: "dark" });
      const phone = await openTab(pocket, server.url, faults);
      await eventually(() => status(phone)).toBe("Live");
      await eventually(() => phone.locator(".uplot").count()).toBe(6);
      await expectNoSidewaysScroll(phone);
      await phone.getByRole("link", { name: "Chat", exact: true }).click();
      await eventually(() => phone.locator("#to-chat").isHidden()).toBe(true);
      await expectNoSidewaysScroll(phone);
      await pocket.close();
      await expectPeople([ada, grace], ["Ada", "Grace"]);
      expect(faults).toEqual([]);

      // The server dies.
      expect(process.kill(server.process.pid, "SIGKILL")).toBe(true);
      expect(await server.process.exited).toBe("SIGKILL");
      for (const page of [ada, grace]) {
        await eventually(() => status(page)).toBe(lost);
        expect(await page.title()).toContain("offline");
        expect(await page.getByRole("button", { name: "Send" }).getAttribute("aria-disabled")).toBe("true");
      }
      const drawing = await picture(ada, "cpu");
      await eventually(() => picture(ada, "cpu")).not.toBe(drawing); // The silence is seen to grow.

      // Another takes its place.
      server = await start(name, main, server.port);
      for (const page of [ada, grace]) {
        await eventually(() => status(page)).toMatch(/^(Back after \d+ s, not all recovered|Live)$/);
        await eventually(() => page.locator("#messages .note").textContent()).toMatch(
          /^Away for \d+ s, back at \d\d:\d\d: over a new connection, and something may be missing$/,
        );
        expect(await page.title()).not.toContain("offline");
      }
      await expectPeople([ada, grace], ["Ada", "Grace"]);
      await eventually(() => figure(ada, "prism")).toBe("2 open");
      await expectMovement(ada);
      await expectChat(ada, grace, ["There it is again", "As if nothing had been"]);
      expect(await ada.locator("#messages .text").count()).toBe(4);
      expect(faults.filter((fault) => !unreachable.test(fault))).toEqual([]);

      const screenshot = `${root}test-output/dashboard-${title.toLowerCase()}.png`;
      await ada.screenshot({ path: screenshot });
      const png = readFileSync(screenshot);
      expect(png.subarray(0, 8)).toEqual(Buffer.from("89504e470d0a1a0a", "hex"));
      expect(png.length).toBeGreaterThan(20_000);

      // It ends when it is asked to, with tabs open.
      expect(await server.process.stop()).toBe(0);
      expect(server.process.errors()).toBe("");
      await eventually(() => status(ada)).toBe(lost);
    } finally {
      await context.close();
      await otherContext.close();
      await server.process.stop();
    }
  });
});

describe("npm start", () => {
  test.each(["node", "bun", "deno"])("starts the dashboard on %s, and ends it with itself", async (runtime) => {
    const args = ["--runtime", runtime, "--port", "0"];
    const launcher = spawnRuntime("node20", `${root}scripts/start.ts`, args, { PORT: "", HOST: "" });
    const [, url = "", name] = /^Prism dashboard on (\S+) \((\w+)/.exec(await launcher.line("Prism")) ?? [];
    expect(name?.toLowerCase()).toBe(runtime);
    const page = await fetch(url);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(await page.text()).toContain("<title>Prism dashboard</title>");
    process.kill(launcher.pid, "SIGINT");
    expect(await launcher.exited).toBe(0);
    expect(launcher.errors()).toBe("");
    await expect(fetch(url)).rejects.toThrow();
  });

  test.each([
    { args: ["--runtime", "perl"], says: 'Unknown runtime "perl": choose one of node, bun, deno' },
    { args: ["--port", "http"], says: 'The port must be a number from 0 to 65535, not "http"' },
    { args: ["--prot", "3000"], says: "Unknown option '--prot'" },
  ])("says what is wrong with $args", async ({ args, says }) => {
    const launcher = spawnRuntime("node20", `${root}scripts/start.ts`, args);
    expect(await launcher.exited).toBe(1);
    expect(launcher.errors()).toContain(says);
    expect(launcher.errors()).not.toContain("    at ");
  });
});
