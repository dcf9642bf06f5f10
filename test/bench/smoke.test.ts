import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readKept } from "../../bench/harness/section.ts";
import { order } from "../../bench/report/order.ts";
import { findStale } from "../../bench/report/pages.ts";
import { root, runtimeArgs } from "../support/runtimes.ts";

/* Every workload, as small as can be: it comes to its end, with a page, and fails where a reply is wrong. */

let folder = "";
beforeAll(() => {
  folder = `${mkdtempSync(join(tmpdir(), "prism-smoke-"))}/`;
});
afterAll(() => rmSync(folder, { recursive: true }));

test.each(order)("%s works", { timeout: 180_000 }, async (id) => {
  const { code, shown } = await runBench("--smoke", "--only", id, "--out", folder);
  expect(code, shown).toBe(0);
  const section = readKept(`${folder}results/`).find((kept) => kept.id === id);
  expect(section?.tables.length).toBeGreaterThan(0);
  for (const { columns, rows } of section?.tables ?? []) {
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) expect(row).toHaveLength(columns.length);
  }
});

test("the page can be written of all of them", () => {
  expect(findStale(folder)).toEqual([]);
  const page = readFileSync(`${folder}RESULTS.md`, "utf8");
  // What the goals and the chart look for is there.
  expect(page.split("\n").filter((line) => line.includes("not measured"))).toEqual([]);
  expect(readFileSync(`${folder}chart-light.svg`, "utf8")).not.toContain("not measured");
});

function runBench(...args: string[]): Promise<{ code: number | null; shown: string }> {
  const child = spawn(process.execPath, runtimeArgs("node20", `${root}bench/run.ts`, args), {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let shown = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (shown += String(chunk)));
  const timer = setTimeout(() => child.kill("SIGTERM"), 170_000);
  return new Promise((resolve) => {
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ code, shown });
    });
  });
}
