import { mkdirSync } from "node:fs";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { root, type RuntimeProcess, spawnRuntime } from "../support/runtimes.ts";

/** A page of the example, and what was seen of it from outside. */
interface Tab {
  readonly page: Page;
  /** What was loaded, and how often. */
  readonly loads: string[];
  /** How each socket was closed, as the page heard it. */
  closes(): Promise<number[]>;
}

const eventually = <T>(ask: () => T | Promise<T>) => expect.poll(ask, { timeout: 15_000, interval: 25 });

let server: RuntimeProcess;
let url: string;
let browser: Browser;
const faults: string[] = [];

beforeAll(async () => {
  mkdirSync(`${root}test-output`, { recursive: true });
  // By way of `npm start`, which is tried with it.
  const args = ["--example", "express", "--port", "0"];
  server = spawnRuntime("node20", `${root}scripts/start.ts`, args, {
    PORT: "",
    HOST: "",
    SESSION_SECRET: "only the tests have this, 32 and more",
  });
  [, url = ""] = /^Prism with Express on (http:\/\/localhost:\d+)$/.exec(await server.line("Prism", 30_000)) ?? [];
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

async function openTab(context: BrowserContext, path = "/"): Promise<Tab> {
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const loads: string[] = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("request", (request) => void loads.push(`${request.method()} ${new URL(request.url()).pathname}`));
  page.on("response", (response) => {
    if (response.status() >= 400) faults.push(`${response.status()} for ${new URL(response.url()).pathname}`);
  });
  await page.addInitScript(() => {
    const codes: number[] = [];
    Object.assign(globalThis, { codes });
    globalThis.WebSocket = class extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        this.addEventListener("close", ({ code }) => codes.push(code));
      }
    };
    addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
      throw new Error(`The policy's ${violatedDirective} was violated with ${blockedURI}`);
    });
  });
  await page.goto(url + path);
  const closes = (): Promise<number[]> => page.evaluate(() => (globalThis as unknown as { codes: number[] }).codes);
  return { page, loads, closes };
}

const text = (page: Page, id: string) => page.locator(`#${id}`).textContent();
const answers = (page: Page) => Promise.all(["express", "hono", "prism"].map((id) => text(page, id)));
const all = (user: string): string[] => [user, user, user];
const people = (page: Page) => page.locator("#people li").allTextContents();
const sessionOf = async (context: BrowserContext) =>
  (await context.cookies()).find(({ name }) => name === "prism.sid")?.value;

async function signIn(page: Page, name: string, password: string, button = "Sign in"): Promise<void> {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: button, exact: true }).click();
}

/** What a page's HTTP requests are answered with a cookie of one's choice. */
async function userOf(path: string, cookie: string | undefined): Promise<unknown> {
  const response = await fetch(url + path, { headers: { cookie: `prism.sid=${cookie}`, accept: "application/json" } });
  return ((await response.json()) as { user?: unknown }).user;
}

async function newContext(options: Parameters<Browser["newContext"]>[0] = {}): Promise<BrowserContext> {
  return browser.newContext({ viewport: { width: 1000, height: 800 }, ...options });
}

describe("one login", () => {
  test("by Express's form: Express, Hono and Prism say the same, before and after a reload", async () => {
    const context = await newContext();
    const { page, loads, closes } = await openTab(context);
    await eventually(() => text(page, "status-text")).toBe("Live");
    await eventually(() => answers(page)).toEqual(all("nobody"));
    const before = await sessionOf(context);

    await signIn(page, "ada", "wrong");
    await eventually(() => text(page, "refusal")).toBe("Wrong name or password");
    expect(faults.splice(0)).toEqual(["401 for /login"]);
    expect(await closes()).toEqual([]);
    await signIn(page, "ada", "engine");
    await eventually(() => answers(page)).toEqual(all("Ada"));
    expect(await text(page, "verdict")).toBe("All three agree");
    expect(await closes()).toEqual([4004]); // The socket of the old id.
    expect(loads.filter((load) => load === "GET /").length).toBe(1);
    await eventually(() => people(page)).toEqual(["Ada 1 page"]);

    // The old id is dead, and the new one is out of scripts' reach.
    const after = await sessionOf(context);
    expect(after).not.toBe(before);
    for (const path of ["/me", "/api/me"]) {
      expect(await userOf(path, before)).toBeUndefined();
      expect(await userOf(path, after)).toBe("Ada");
    }
    expect((await context.cookies()).map(({ httpOnly, sameSite, path }) => [httpOnly, sameSite, path])).toEqual([
      [true, "Lax", "/"],
    ]);
    expect(await page.evaluate(() => document.cookie)).toBe("");

    // What one has changed the others see.
    await page.getByRole("button", { name: "Count a click" }).click();
    await eventually(() => text(page, "clicks")).toBe("1");
    await page.reload();
    await eventually(() => answers(page)).toEqual(all("Ada"));
    expect([await text(page, "views"), await text(page, "clicks")]).toEqual(["2", "1"]);
    expect(await closes()).toEqual([]);
    expect(await sessionOf(context)).toBe(after);

    // All that the page needs is of the app's own build.
    expect(loads.filter((load) => load.includes("/prism"))).toEqual([]);
    expect(faults).toEqual([]);
    await context.close();
  });

  test("over the socket: its cookie reaches the browser, and Express and Hono know it", async () => {
    const context = await newContext();
    const { page, loads, closes } = await openTab(context);
    await eventually(() => answers(page)).toEqual(all("nobody"));
    const before = await sessionOf(context);
    await signIn(page, "grace", "compiler", "Sign in over the socket");
    await eventually(() => answers(page)).toEqual(all("Grace"));
    expect(await closes()).toEqual([]); // It goes on.
    expect(loads.filter((load) => load.includes("/prism"))).toEqual(["POST /prism/session"]);
    const after = await sessionOf(context);
    expect(after).not.toBe(before);
    for (const path of ["/me", "/api/me"]) {
      expect(await userOf(path, before)).toBeUndefined();
      expect(await userOf(path, after)).toBe("Grace");
    }
    await page.reload();
    await eventually(() => answers(page)).toEqual(all("Grace"));
    expect(await page.locator("#user").textContent()).toBe("Grace");
    expect(faults).toEqual([]);
    await context.close();
  });

  test("ends in all tabs at once: their sockets are closed with 1008, and they say so", async () => {
    const context = await newContext();
    const one = await openTab(context);
    await eventually(() => answers(one.page)).toEqual(all("nobody"));
    await signIn(one.page, "ada", "engine");
    await eventually(() => answers(one.page)).toEqual(all("Ada"));
    const two = await openTab(context);
    await eventually(() => answers(two.page)).toEqual(all("Ada"));
    await eventually(() => people(one.page)).toEqual(["Ada 2 pages"]);
    const cookie = await sessionOf(context);

    await two.page.getByRole("button", { name: "Sign out" }).click();
    for (const { page, closes } of [one, two]) {
      await eventually(() => text(page, "status-text")).toBe("Signed out");
      await eventually(async () => (await closes()).at(-1)).toBe(1008);
      expect(await text(page, "notice")).toContain("1008, “Session ended”");
      expect(await answers(page)).toEqual(all("nobody"));
      expect(await page.getByLabel("Name").isVisible()).toBe(true);
      expect(await page.getByRole("button", { name: "Sign out" }).isVisible()).toBe(false);
    }
    expect(await userOf("/me", cookie)).toBeUndefined();
    expect(await userOf("/api/me", cookie)).toBeUndefined();

    // And it goes on from there, by either way.
    await signIn(one.page, "ada", "engine");
    await eventually(() => answers(one.page)).toEqual(all("Ada"));
    await signIn(two.page, "grace", "compiler", "Sign in over the socket");
    await eventually(() => answers(two.page)).toEqual(all("Grace"));
    await eventually(() => answers(one.page)).toEqual(all("Grace")); // One browser, one login.
    expect(faults.filter((fault) => fault !== "401 for /login")).toEqual([]);
    await context.close();
  });

  test("works without scripts, over HTTP", async () => {
    const context = await newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(url);
    await signIn(page, "ada", "wrong");
    expect(await text(page, "refusal")).toBe("Wrong name or password");
    await signIn(page, "ada", "engine");
    expect(await text(page, "express")).toBe("Ada");
    await page.getByRole("button", { name: "Sign out" }).click();
    expect(await text(page, "express")).toBe("nobody");
    await context.close();
  });
});

describe("the page", () => {
  test.each([
    ["desktop", "light", { width: 1000, height: 800 }],
    ["desktop", "dark", { width: 1000, height: 800 }],
    ["phone", "light", { width: 390, height: 844 }],
    ["phone", "dark", { width: 390, height: 844 }],
  ] as const)("fits on a %s, in %s", async (device, colorScheme, viewport) => {
    const context = await newContext({ viewport, colorScheme, deviceScaleFactor: device === "phone" ? 2 : 1 });
    const { page } = await openTab(context);
    await eventually(() => answers(page)).toEqual(all("nobody"));
    const shoot = async (state: string): Promise<void> => {
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
      await page.screenshot({
        path: `${root}test-output/express-${device}-${colorScheme}-${state}.png`,
        fullPage: true,
      });
    };
    await shoot("before");
    await signIn(page, "ada", "engine");
    await eventually(() => answers(page)).toEqual(all("Ada"));
    await shoot("in");
    await page.getByRole("button", { name: "Sign out" }).click();
    await eventually(() => text(page, "status-text")).toBe("Signed out");
    await shoot("out");
    expect(faults).toEqual([]);
    await context.close();
  });
});

test("npm start says which examples there are, and where they run", async () => {
  for (const [args, says] of [
    [["--example", "chess"], 'Unknown example "chess": choose one of cluster, dashboard, express'],
    [["--example", "cluster", "--runtime", "deno"], 'The example "cluster" runs on several runtimes at once'],
    [["--example=express", "--runtime", "bun"], 'The example "express" does not run on bun: choose one of node'],
  ] as const) {
    const launcher = spawnRuntime("node20", `${root}scripts/start.ts`, [...args]);
    expect(await launcher.exited).toBe(1);
    expect(launcher.errors()).toContain(says);
  }
});
