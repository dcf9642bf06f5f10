import type { Section } from "../harness/section.ts";
import { cell } from "./results.ts";

/** Writes what a workload showed to the terminal. */
export function printSection({ title, tables }: Section): void {
  console.log(`\n# ${title}`);
  for (const { caption, columns, rows } of tables) {
    const lines = [columns, ...rows.map((row) => row.map(cell))];
    const widths = columns.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
    console.log(`\n${caption}`);
    for (const line of lines) console.log(line.map((value, at) => pad(value, widths[at]!, at)).join("  "));
  }
}

function pad(value: string, width: number, at: number): string {
  return at === 0 ? value.padEnd(width) : value.padStart(width);
}
