// The dashboard says how its connection is: live, on its way back, back with nothing lost, or a new one after a gap.
import { mkdirSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
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
const last = (page: Page, what: string) => page.locator(`#messages .${what}`).last().textContent();
const figure = (page: Page, id: string) => page.locator(`#${id}`).textContent();

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
    }

    proxy.refusing = true;
    proxy.cut();
    for (const { look, page } of tabs) {
      await eventually(() => status(page)).toBe("Reconnecting, nothing lost yet");
      await shoot(page, look, "suspended");
    }
    await other.getByLabel("Message").fill("Can you hear me?");
    await other.getByRole("button", { name: "Send" }).click();
    await eventually(() => last(other, "text")).toBe("Can you hear me?");

    proxy.refusing = false;
    for (const { look, page } of tabs) {
      await eventually(() => last(page, "note")).toMatch(/^Away for \d+ s, back at \d\d:\d\d: nothing was lost$/);
      expect(await status(page)).toMatch(/^(Back after \d+ s, nothing lost|Live)$/);
      await eventually(() => last(page, "text")).toBe("Can you hear me?");
      expect(await figure(page, "people-count")).toBe("4");
      await shoot(page, look, "resumed");
    }

    process.kill(server.pid, "SIGKILL");
    await server.exited;
    for (const { page } of tabs) await eventually(() => status(page)).toBe("Reconnecting, nothing lost yet");
    server = await start(port);
    for (const { look, page } of tabs) {
      await eventually(() => last(page, "note")).toMatch(/^Connection lost for \d+ s, .+ something may be missing$/);
      expect(await status(page)).toMatch(/^(New connection after \d+ s|Live)$/);
      await shoot(page, look, "reset");
    }
  } finally {
    await proxy.stop();
    await server.stop();
  }
});
