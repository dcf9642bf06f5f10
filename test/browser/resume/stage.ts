/** What the tests of resuming share: servers that come and go, and a page that writes down what it hears. */
import { mkdirSync } from "node:fs";
import type { Browser, BrowserContext, JSHandle, Page } from "playwright-core";
import { expect } from "vitest";
import { lastingPort } from "../../support/ports.ts";
import { root, type RuntimeName, type RuntimeProcess, spawnRuntime } from "../../support/runtimes.ts";
import type { Account } from "./app.ts";
import type { ServerOptions } from "./run.ts";

/** The runtimes that a page's server runs on. */
export const platforms = [
  { title: "Node", name: "node20", main: "node.ts" },
  { title: "Bun", name: "bun", main: "bun.ts" },
  { title: "Deno", name: "deno", main: "deno.ts" },
] as const;

export interface Platform {
  readonly title: string;
  readonly name: RuntimeName;
  readonly main: string;
}

/** The small limits with which silence is noticed soon. */
export const quick = { heartbeat: 500, patience: 500 };

/** A server, at a port that it comes back to. */
export class Server {
  readonly port: number;
  process!: RuntimeProcess;
  readonly #platform: Platform;
  readonly #options: Omit<ServerOptions, "port">;

  private constructor(platform: Platform, options: Omit<ServerOptions, "port">, port: number) {
    this.#platform = platform;
    this.#options = options;
    this.port = port;
  }

  static async start(platform: Platform, options: Omit<ServerOptions, "port">): Promise<Server> {
    const server = new Server(platform, options, await lastingPort());
    await server.start({});
    return server;
  }

  /** Starts it, at first or again. */
  async start(more: Partial<ServerOptions>): Promise<void> {
    const { name, main } = this.#platform;
    const options: ServerOptions = { ...this.#options, port: this.port, ...more };
    this.process = spawnRuntime(name, `${root}test/browser/resume/${main}`, [JSON.stringify(options)]);
    await this.process.ready();
  }

  async kill(): Promise<void> {
    process.kill(this.process.pid, "SIGKILL");
    expect(await this.process.exited).toBe("SIGKILL");
  }
}

/** Something that the page has heard of. */
export interface Entry {
  readonly name: string;
  readonly detail: string;
  /** When, in ms of the page's life. */
  readonly at: number;
}

/** A call that the page has made. */
export interface Made {
  readonly name: string;
  readonly key: string;
  readonly value?: unknown;
  readonly code?: string;
}

/** What came of it all. */
export interface Report {
  readonly sent: number;
  readonly received: number;
  readonly faults: readonly string[];
  readonly calls: readonly Made[];
  readonly server: Account & { readonly counted: readonly number[] };
}

/** `lab` in the page: see `page.js`. */
interface Lab {
  readonly entries: readonly Entry[];
  said(name: string, from: number): Promise<Entry>;
  start(name: string, key: string): void;
  call(name: string, key: string): Promise<Made>;
  finish(): Promise<Report>;
}

/** The page in a browser. */
export class Tab {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly #lab: JSHandle<Lab>;
  readonly #errors: readonly string[];

  private constructor(page: Page, lab: JSHandle<Lab>, errors: readonly string[]) {
    this.page = page;
    this.context = page.context();
    this.#lab = lab;
    this.#errors = errors;
  }

  /** Opens the page in a context of its own, and waits until its connection is open. */
  static async open(browser: Browser, port: number, apart: number): Promise<Tab> {
    const page = await (await browser.newContext({ viewport: { width: 760, height: 640 } })).newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.goto(`http://127.0.0.1:${port}/?apart=${apart}`);
    await page.waitForFunction("globalThis.lab");
    const tab = new Tab(page, await page.evaluateHandle<Lab>("lab"), errors);
    await tab.said("open", 0);
    return tab;
  }

  /** How much it has heard of. */
  mark(): Promise<number> {
    return this.#lab.evaluate((lab) => lab.entries.length);
  }

  /** The first that it hears of a name, from a mark on. */
  said(name: string, from: number): Promise<Entry> {
    return this.#lab.evaluate((lab, [name, from]) => lab.said(name, from), [name, from] as const);
  }

  /** The names of what it has heard of from a mark on, without attempts that failed. */
  async heard(from: number): Promise<string[]> {
    const entries = await this.#lab.evaluate((lab) => lab.entries);
    return entries.slice(from).flatMap(({ name }) => (name === "failed" ? [] : [name]));
  }

  /** Makes a call, without waiting for what comes of it. */
  begin(name: string, key: string): Promise<void> {
    return this.#lab.evaluate((lab, [name, key]) => lab.start(name, key), [name, key] as const);
  }

  call(name: string, key: string): Promise<Made> {
    return this.#lab.evaluate((lab, [name, key]) => lab.call(name, key), [name, key] as const);
  }

  /** Ends the traffic; what came of it. Nothing has thrown where it should not. */
  async finish(): Promise<Report> {
    const report = await this.#lab.evaluate((lab) => lab.finish());
    expect(this.#errors).toEqual([]);
    return report;
  }

  async shoot(name: string): Promise<void> {
    mkdirSync(`${root}test-output`, { recursive: true });
    await this.page.screenshot({ path: `${root}test-output/resume-${name}.png`, fullPage: true });
  }
}

/** Everything came, once and in order, both ways: as if the socket had never been lost. */
export function expectWhole({ sent, received, faults, calls, server }: Report): void {
  expect(faults).toEqual([]);
  expect(server.faults).toEqual([]);
  expect({ first: server.first, last: server.last, received }).toEqual({ first: 1, last: sent, received: server.sent });
  expect(calls.filter(({ value }) => value !== 1)).toEqual([]);
  expect(server.counted).toEqual(calls.map(() => 1));
}

/** On the connection that it has now everything came, and all calls that failed were in flight at its beginning. */
export function expectFresh({ sent, received, faults, calls, server }: Report): void {
  expect(faults).toEqual([]);
  expect(server.faults).toEqual([]);
  expect({ last: server.last, received }).toEqual({ last: sent, received: server.sent });
  expect(calls.filter(({ value, code }) => value === undefined && code !== "lost")).toEqual([]);
  expect(server.counted.filter((count) => count !== 1)).toEqual([]);
}

/** Sees to the processes in which a browser runs its pages. */
export async function signalRenderers(browser: Browser, signal: "SIGSTOP" | "SIGCONT"): Promise<void> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const renderers = processInfo.filter(({ type }) => type === "renderer");
  expect(renderers.length).toBeGreaterThan(0);
  for (const { id } of renderers) process.kill(id, signal);
  await session.detach();
}
