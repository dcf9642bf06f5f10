import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readKept } from "../../bench/harness/section.ts";
import { order } from "../../bench/report/order.ts";
import { findStale } from "../../bench/report/pages.ts";
import { root } from "../support/runtimes.ts";

const bench = `${root}bench/`;

test("the page and the chart say what is kept of the last run: else `npm run bench -- --page`", () => {
  expect(findStale(bench)).toEqual([]);
});

test("what is kept was measured, and tells nothing of whose machine it was", () => {
  const kept = readKept();
  expect(kept.length).toBeGreaterThan(0);
  for (const section of kept) {
    expect(order).toContain(section.id);
    expect(section.effort.smoke, section.id).toBe(false);
    expect(JSON.stringify(section), section.id).not.toMatch(/\/(home|root|tmp|Users|work)\b/);
  }
});

test("every workload is a file, and every file is a workload", () => {
  const files = readdirSync(`${bench}workloads`).filter((file) => file.endsWith(".ts"));
  expect(files.toSorted()).toEqual(order.map((id) => `${id}.ts`).toSorted());
});

test("the README shows the chart, to readers of light and of dark pages", () => {
  const readme = readFileSync(`${root}README.md`, "utf8");
  const picture = /<picture>(.*?)<\/picture>/s.exec(readme)?.[1] ?? "";
  expect(picture).toMatch(/<source media="\(prefers-color-scheme: dark\)" srcset="\.\/bench\/chart-dark\.svg">/);
  expect(picture).toMatch(/<img [^>]*src="\.\/bench\/chart-light\.svg"/);
  expect(picture).toMatch(/alt="[^"]{20,}"/);
  expect(readme).toContain("](./bench/RESULTS.md)");
  for (const [, path] of picture.matchAll(/"\.\/([^"]+\.svg)"/g)) expect(existsSync(root + path)).toBe(true);
});
