/* The keys of `table.data` in which the summary and the chart look for their numbers; bench/README.md lists them. */
import type { Kept } from "../harness/section.ts";
import type { Samples } from "../harness/rounds.ts";

/** The samples of each system, one a round, by its name. */
export type BySystem = Readonly<Record<string, Samples>>;

/** What tells the tables of a section apart. */
export interface Case {
  readonly case?: string;
  readonly inFlight?: number;
  readonly subscribers?: number;
  readonly connections?: number;
  readonly what?: string;
  readonly rate?: string;
}

/** What is sampled. */
export type Measure = "rates" | "bytes" | "resident" | "instantiations";

/**
 * The samples of a case.
 *
 * @param kept all sections
 * @param id the section's
 * @param measure what was sampled
 * @param wanted the case
 * @returns `undefined` where it was not measured
 * @throws {Error} Two tables are of that case, or what is there are no samples
 */
export function findSamples(kept: readonly Kept[], id: string, measure: Measure, wanted: Case): BySystem | undefined {
  const found = (kept.find((section) => section.id === id)?.tables ?? []).filter(
    ({ data }) => data?.[measure] !== undefined && Object.entries(wanted).every(([key, value]) => data[key] === value),
  );
  const name = `${id} ${JSON.stringify(wanted)}`;
  if (found.length > 1) throw new Error(`${found.length} tables of ${name} have ${measure}`);
  const samples = found[0]?.data?.[measure];
  if (samples === undefined) return undefined;
  for (const [system, values] of Object.entries(samples as Record<string, unknown>)) {
    const right = Array.isArray(values) && values.length > 0 && values.every((value) => Number.isFinite(value));
    if (!right) throw new Error(`What ${name} has of ${system} is no list of numbers`);
  }
  return samples as BySystem;
}
