import type { RuntimeName } from "../support/runtimes.ts";
import { nothing, type Totals } from "./ledger.ts";
import type { Scene } from "./scene.ts";

/** Which runtime the servers run on: one, or all of them beside each other. */
export type Lineup = RuntimeName | "mixed";

/** How much is done: in the tests, or by `npm run faults`. */
export type Size = "short" | "long";

/** A row of the fault ledger. */
export interface Row {
  readonly number: number;
  readonly title: string;
  readonly lineups: readonly Lineup[];
  /** Those of a test run, where not all of them are. */
  readonly tested?: readonly Lineup[];
  /** Whether it does little but wait, so that its lineups may run beside each other. */
  readonly waits?: boolean;
  run(stage: RowStage): Promise<void>;
}

/** What a row has to work with. */
export interface RowStage {
  readonly scene: Scene;
  readonly lineup: Lineup;
  readonly size: Size;
  readonly verdict: Verdict;
}

/** The runtime of a lineup that is one. */
export function toRuntime(lineup: Lineup): RuntimeName {
  if (lineup === "mixed") throw new TypeError("Not one runtime but several");
  return lineup;
}

/** What is found out in a row. What is not as it should be is noted, and the row goes on to see the rest. */
export class Verdict {
  readonly problems: string[] = [];
  readonly notes: string[] = [];
  totals: Totals = nothing;
  cuts: number | undefined;
  /** How long it took to find out that somebody was gone, at most, in ms. */
  detection: number | undefined;
  /** For how long connections had no socket, in ms, in order. */
  outages: readonly number[] = [];
  memory: string | undefined;

  /** Notes where something is not so. */
  must(met: boolean, otherwise: string): void {
    if (!met) this.problems.push(otherwise);
  }

  /** Notes where two values are not the same. */
  same(what: string, actual: unknown, expected: unknown): void {
    const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
    this.must(is === should, `${what}: ${is}, not ${should}`);
  }

  /** Notes where a value is over a bound. */
  most(what: string, actual: number, bound: number): void {
    this.must(actual <= bound, `${what}: ${Math.round(actual)}, over ${Math.round(bound)}`);
  }

  /** All came, exactly once and in order. */
  whole(totals: Totals): void {
    this.totals = totals;
    const { sent, delivered, lost, twice, outOfOrder, unsent } = totals;
    this.same("lost, twice, out of order, unsent", [lost, twice, outOfOrder, unsent], [0, 0, 0, 0]);
    this.same("delivered", delivered, sent);
    this.must(sent > 0, "nothing was sent");
  }
}

const at = (sorted: readonly number[], share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;

/** The 50th percentile and the highest of sorted values. */
export function spread(sorted: readonly number[]): string {
  return sorted.length === 0 ? "" : `${at(sorted, 0.5)}/${at(sorted, 1)}`;
}

export const titles: readonly string[] = [
  "row",
  "runtime",
  "S",
  "D",
  "L",
  "T",
  "O",
  "cuts",
  "detected",
  "reconnected",
  "memory",
  "s",
  "verdict",
];

/** A line of the table that `npm run faults` prints. */
export function toLine({ number, title }: Row, lineup: Lineup, verdict: Verdict, seconds: number): string[] {
  const { totals, cuts, detection, outages, memory, problems } = verdict;
  const { sent, delivered, lost, twice, outOfOrder } = totals;
  return [
    `${number} ${title}`,
    lineup,
    ...[sent, delivered, lost, twice, outOfOrder].map((count) => count.toLocaleString("en")),
    String(cuts ?? ""),
    detection === undefined ? "" : `${Math.round(detection)} ms`,
    outages.length === 0 ? "" : `${spread(outages)} ms`,
    memory ?? "",
    String(Math.round(seconds)),
    problems.length === 0 ? "as expected" : `${problems.length} problems`,
  ];
}

/** Bytes as MiB. */
export function toMiB(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`;
}
