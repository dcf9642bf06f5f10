import type { Kept, Machine, Table } from "../harness/section.ts";
import { boundOf, goals, isBound, judge, type Verdict } from "./goals.ts";
import { format } from "./numbers.ts";
import { order } from "./order.ts";

const intro = `# Results

Written by \`npm run bench\`, from what it keeps in \`bench/results\`; nothing here is typed by hand, and a test holds that.
[README.md](./README.md) says how to run it and how to read it.

- Every server has one core to itself, and the generator of the load the other. The generator speaks raw TCP with frames
  built beforehand, knows each system's frames, and checks what is replied; its own limit stands in the tables as
  \`raw TCP\`.
- Systems take turns, round by round, each round beginning with another one. A figure is the median of the rounds, a ratio
  that of the ratios within each round; behind it, in brackets, is its spread, in the table of goals from the least round
  to the greatest. Long workloads have fewer rounds than the run.
- \`ws\`, \`Bun.serve\` and \`Deno.upgradeWebSocket\` are controls: they echo or repeat bytes and do nothing else. Where Prism is
  faster than a control, the reason is that it writes once a turn what the control writes message by message;
  \`ws corked\` is the control that does so as well.
- Peers run as their manuals say, with compression off, on the same Node. Figures of another machine, or of another day on
  this one, are no comparison: ratios are.

<picture>
  <source media="(prefers-color-scheme: dark)" srcset="./chart-dark.svg">
  <img alt="Calls a second and deliveries a second on one core" src="./chart-light.svg" width="840">
</picture>

\`\`\`sh
npm install
npm run bench     # all of it, in about 40 minutes; -- --only rpc,fan-out for less
\`\`\``;

/**
 * The page of results.
 *
 * @param kept the sections, in any order
 * @returns Markdown
 * @throws {Error} A section holds what cannot be reckoned with
 */
export function writeResults(kept: readonly Kept[]): string {
  const sections = kept.toSorted((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
  const parts = [intro, writeSummary(sections), writeMachines(sections), ...sections.map(writeSection)];
  return `${parts.join("\n\n")}\n`;
}

function writeSummary(kept: readonly Kept[]): string {
  const rows = goals.map((goal, at) => {
    const { reached = "not measured", ...verdict } = judge(goal, kept);
    const work = goal.work === goals[at - 1]?.work ? "" : goal.work;
    return [work, goal.system, boundOf(goal), reached, tell(verdict, reached)];
  });
  const columns = ["work", "of", "goal", "measured (least–greatest round)", ""];
  return `## Goals\n\n${writeRows(columns, rows)}`;
}

function tell({ goal, met, rounds, of }: Omit<Verdict, "reached">, reached: string): string {
  if (reached === "not measured" || !isBound(goal)) return "";
  const split = rounds > 0 && rounds < of ? `, ${rounds} of ${of} rounds meet it` : "";
  return `${met ? "met" : "**missed**"}${split}`;
}

function writeMachines(kept: readonly Kept[]): string {
  const machines = new Map<string, [machine: Machine, ids: string[]]>();
  for (const { machine, id } of kept) {
    const key = JSON.stringify(machine);
    const known = machines.get(key);
    if (known === undefined) machines.set(key, [machine, [id]]);
    else known[1].push(id);
  }
  const blocks = [...machines.values()].map(([{ cpu, cores, memory, kernel, versions }, ids]) => {
    const of = machines.size === 1 ? "" : `${ids.join(", ")}: `;
    const software = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
    const gigabytes = format(memory / 2 ** 30);
    return `${of}${cpu}, ${cores} cores, ${gigabytes} GiB, ${kernel}.\n${software.join(", ")}.`;
  });
  return `## Machine\n\n${blocks.join("\n\n")}`;
}

function writeSection({ title, text, tables, date, effort }: Kept): string {
  const smoke = effort.smoke ? " **A smoke run: no figure means anything.**" : "";
  const note = `${date}, with \`--rounds ${effort.rounds}\`.${smoke}`;
  return [`## ${title}`, text.trim(), `<sub>${note}</sub>`, ...tables.map(writeTable)].join("\n\n");
}

function writeTable({ caption, columns, rows }: Table): string {
  return `**${caption}**\n\n${writeRows(columns, rows)}`;
}

function writeRows(columns: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  // Columns of numbers stand right; of figures with their spread, too.
  const numeric = columns.map((_, at) => rows.length > 0 && rows.every((row) => /^[\d.,–—-]|^$/.test(cell(row[at]))));
  const rule = columns.map((_, at) => (at > 0 && numeric[at] ? "---:" : "---"));
  return [columns, rule, ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");
}

/** As it is printed in a table; a number that is none is an error, never a cell. */
export function cell(value: string | number | undefined): string {
  if (typeof value === "string") return value.replaceAll("|", "\\|");
  if (value === undefined || !Number.isFinite(value)) throw new Error(`A table has ${value} for a figure`);
  return format(value);
}
