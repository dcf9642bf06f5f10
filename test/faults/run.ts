/*
 * The fault ledger's rows at their full length, and a table of what came of them: `npm run faults`.
 *
 *   --row 7          only this row; may be given several times
 *   --runtime bun    only on this runtime, or `mixed`; may be given several times
 *   --short          as short as in the tests
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { play, rows } from "./rows.ts";
import { titles, toLine } from "./verdict.ts";

const { values } = parseArgs({
  options: {
    row: { type: "string", multiple: true, default: [] },
    runtime: { type: "string", multiple: true, default: [] },
    short: { type: "boolean", default: false },
  },
});
const lines: string[][] = [[...titles]];
let failed = false;

for (const row of rows) {
  if (values.row.length > 0 && !values.row.includes(String(row.number))) continue;
  for (const lineup of row.lineups) {
    if (values.runtime.length > 0 && !values.runtime.includes(lineup)) continue;
    const started = performance.now();
    const verdict = await play(row, lineup, values.short ? "short" : "long");
    const line = toLine(row, lineup, verdict, (performance.now() - started) / 1_000);
    lines.push(line);
    failed ||= verdict.problems.length > 0;
    console.log(line.filter((cell) => cell !== "").join("  "));
    for (const note of verdict.notes) console.log(`    ${note}`);
    for (const problem of verdict.problems) console.log(`  ! ${problem}`);
  }
}

const widths = titles.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
console.log(`\n${lines.map((line) => line.map((cell, i) => cell.padEnd(widths[i]!)).join("  ")).join("\n")}`);
process.exitCode = failed ? 1 : 0;
