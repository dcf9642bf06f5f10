/*
 * Whole systems side by side: `npm run bench`, and behind `--`:
 *
 *   --only rpc,fan-out   these workloads and no others
 *   --rounds 5           how many turns each system has
 *   --smoke              only whether all of it works, in seconds; nothing is kept
 *   --page               writes the page and the chart anew from what is kept, and measures nothing
 *   --out folder/        where results, page and chart go, in place of `bench/`; a smoke run writes there, too
 *   --workloads folder/  where workloads are, in place of `bench/workloads`: for tests
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { type Effort, keep, type Workload } from "./harness/section.ts";
import { install } from "./harness/install.ts";
import { isPinned, runPinned } from "./harness/pinned.ts";
import { readMachine } from "./report/machine.ts";
import { order } from "./report/order.ts";
import { savePages } from "./report/pages.ts";
import { printSection } from "./report/print.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string", default: "5" },
    smoke: { type: "boolean", default: false },
    page: { type: "boolean", default: false },
    out: { type: "string" },
    workloads: { type: "string" },
  },
});
const here = fileURLToPath(new URL("./", import.meta.url));
const out = values.out === undefined ? here : `${resolve(values.out)}/`;
const workloads = values.workloads === undefined ? `${here}workloads/` : `${resolve(values.workloads)}/`;
const keeps = !values.smoke || values.out !== undefined;
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) fail(`--rounds takes a number from 1 on, not "${values.rounds}"`);
const effort: Effort = values.smoke
  ? { rounds: 1, duration: 100, smoke: true }
  : { rounds, duration: 2_000, smoke: false };

function fail(message: string): never {
  console.error(`bench: ${message}`);
  process.exit(1);
}

/** In the order of the page, however they were named. */
function choose(only: string | undefined): readonly string[] {
  if (only === undefined) return order;
  const wanted = only.split(",");
  const unknown = wanted.filter((id) => !order.includes(id));
  if (unknown.length > 0) fail(`No workload is called ${unknown.join(" or ")}; there are ${order.join(", ")}`);
  return order.filter((id) => wanted.includes(id));
}

async function load(id: string): Promise<Workload> {
  const path = `${workloads}${id}.ts`;
  if (!existsSync(path)) throw new Error(`There is no ${path}`);
  const { workload } = (await import(pathToFileURL(path).href)) as { workload: Workload };
  if (workload.id !== id) throw new Error(`The workload of ${path} is called "${workload.id}"`);
  return workload;
}

/** Runs one after the other. What fails does not keep the rest from being measured, but the run has failed. */
async function runAll(ids: readonly string[]): Promise<string[]> {
  const machine = readMachine();
  const failed: string[] = [];
  for (const id of ids) {
    const began = performance.now();
    try {
      const section = await (await load(id)).run(effort);
      printSection(section);
      const date = new Date().toISOString().slice(0, 10);
      if (keeps) keep({ id, ...section, date, effort, machine }, `${out}results/`);
      console.log(`\n${id} took ${Math.round((performance.now() - began) / 1_000)} s`);
    } catch (error) {
      console.error(`\n${id} failed:`, error);
      failed.push(id);
    }
  }
  return failed;
}

const ids = choose(values.only);
if (values.page) {
  savePages(out);
} else if (!isPinned()) {
  install();
  process.exitCode = await runPinned();
} else {
  const failed = await runAll(ids);
  if (keeps) savePages(out);
  if (failed.length > 0)
    fail(`${failed.join(", ")} failed${keeps ? ", and what is kept of it is of an earlier run" : ""}`);
  // Whatever a workload left open keeps nobody waiting.
  process.exit(0);
}
