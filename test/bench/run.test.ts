import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LOAD_CORE } from "../../bench/harness/server.ts";
import { readKept } from "../../bench/harness/section.ts";
import { findStale } from "../../bench/report/pages.ts";
import { root, runtimeArgs } from "../support/runtimes.ts";

/* The runner, with workloads that are made up. */

const workloads = fileURLToPath(new URL("fixtures/workloads/", import.meta.url));
let folder = "";
beforeEach(() => {
  folder = `${mkdtempSync(join(tmpdir(), "prism-bench-"))}/`;
});
afterEach(() => rmSync(folder, { recursive: true }));

function runBench(...args: string[]): { status: number | null; shown: string } {
  const file = `${root}bench/run.ts`;
  const node = runtimeArgs("node20", file, ["--workloads", workloads, ...args]);
  const { status, stdout, stderr } = spawnSync(process.execPath, node, { encoding: "utf8" });
  return { status, shown: stdout + stderr };
}

/** What a run could have written beside the code, and when it was. */
function written(): object {
  const paths = ["RESULTS.md", "chart-light.svg", "chart-dark.svg", "results"].map((name) => `${root}bench/${name}`);
  const there = paths.filter((path) => existsSync(path));
  const sections = existsSync(`${root}bench/results`) ? readdirSync(`${root}bench/results`) : [];
  return { sections, times: there.map((path) => statSync(path).mtimeMs) };
}

describe("a run", () => {
  test("prints what it measures, on the generator's core, keeps it, and writes the page", () => {
    const { status, shown } = runBench("--only", "rpc", "--rounds", "3", "--out", folder);
    expect(status, shown).toBe(0);
    expect(shown).toMatch(/Prism, Node 20 +14,000\n/);
    const [section] = readKept(`${folder}results/`);
    expect(section).toMatchObject({
      id: "rpc",
      text: `Not smoke, on core ${LOAD_CORE}.`,
      effort: { rounds: 3, smoke: false },
      date: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
      machine: { kernel: expect.stringMatching(/^\w+ [\d.]+$/), versions: { Node: process.versions.node } },
    });
    expect(findStale(folder)).toEqual([]);
    expect(readFileSync(`${folder}RESULTS.md`, "utf8")).toContain("≥ 6 × Socket.IO, Node 20 | 0.778 (0.778–0.778)");
  });

  test("fails with a workload that fails or counts nothing, after the others have run", () => {
    const { status, shown } = runBench("--only", "payload,sessions,rpc", "--rounds", "1", "--out", folder);
    expect(status).toBe(1);
    expect(shown).toContain("payload failed: Error: Wrong reply");
    expect(shown).toContain("sessions failed: Error: A table has NaN for a figure");
    expect(shown).toContain("bench: payload, sessions failed");
    expect(readKept(`${folder}results/`).map(({ id }) => id)).toEqual(["rpc"]);
  });

  test("fails with what is no workload, no option, no number", () => {
    expect(runBench("--only", "rcp").shown).toContain("No workload is called rcp");
    expect(runBench("--only", "growth", "--smoke").shown).toContain("growth failed: Error: There is no");
    for (const wrong of [["--only", "rcp"], ["--fast"], ["--rounds", "0"], ["--only", "growth", "--smoke"]]) {
      expect(runBench(...wrong).status).toBe(1);
    }
  });
});

describe("a smoke run", () => {
  test("keeps and writes nothing", () => {
    const before = written();
    const { status, shown } = runBench("--only", "rpc", "--smoke");
    expect(status, shown).toBe(0);
    expect(shown).toContain("Prism, Node 20");
    expect(written()).toEqual(before);
  });

  test("fails as others do", () => {
    expect(runBench("--only", "payload", "--smoke").status).toBe(1);
  });

  test("says so on the page, where one was asked for", () => {
    expect(runBench("--only", "rpc", "--smoke", "--out", folder).status).toBe(0);
    expect(readFileSync(`${folder}RESULTS.md`, "utf8")).toContain("no figure means anything");
  });
});
