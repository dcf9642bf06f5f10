// What there is to see and to do on a page of the cluster.
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { eventually } from "./stage.ts";

export const nodeOf = (page: Page) => page.locator("#node").textContent();
export const pidOf = (page: Page, node: string) => page.locator(`.node[data-node="${node}"] .pid`).textContent();
export const stateOf = (page: Page, node: string) =>
  page.locator(`.node[data-node="${node}"]`).getAttribute("data-state");
export const figure = async (page: Page, id: string) => Number(await page.locator(`#${id}`).textContent());
export const journal = (page: Page) => page.locator("#journal li").first().textContent();
export const press = (page: Page, how: "Kill" | "Drain", node: string) =>
  page.getByRole("button", { name: `${how} ${node}` }).click();

/** What the page got, by number: each one, and in order. */
export async function expectWhole(page: Page): Promise<void> {
  const seen = await page
    .locator("#tape i")
    .evaluateAll((squares) => squares.map((square) => Number((square as HTMLElement).dataset["offset"])));
  expect(seen).toEqual(seen.map((_, i) => seen[0]! + i));
  expect(await page.locator("#verdict").textContent()).toBe("Nothing missed");
  expect(await figure(page, "missed")).toBe(0);
}

/** Waits until a page has heard so many more messages: from whoever publishes now. */
export async function hearMore(page: Page, count: number): Promise<void> {
  const last = await figure(page, "last");
  await eventually(() => figure(page, "last")).toBeGreaterThan(last + count);
}

export async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.getByRole("button", { name: "Send" }).click();
  await eventually(() => said(page)).toMatch(new RegExp(`: ${text.replace("?", "\\?")}$`));
}
export async function said(page: Page): Promise<string> {
  const last = page.locator("#log li").last();
  const parts = [".meta b", ".at", ".text"].map((part) => last.locator(part).textContent());
  const [name, way, text] = await Promise.all(parts);
  return `${name} ${way}: ${text}`;
}
export async function rename(page: Page, name: string): Promise<void> {
  await page.getByLabel("You are").fill(name);
  await page.getByLabel("You are").press("Enter");
}
