import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A table of the results, as it is printed and written. */
export interface Table {
  readonly caption: string;
  /** The first column names the rows. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** Numbers behind the rows, for the chart and for whoever wants to reckon with them. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** What a workload showed. */
export interface Section {
  readonly title: string;
  /** What was done, and what to think of it: Markdown, a few sentences. */
  readonly text: string;
  readonly tables: readonly Table[];
}

/** How much is to be done. */
export interface Effort {
  /** How many times each system has its turn. */
  readonly rounds: number;
  /** How long one measurement takes, in ms. */
  readonly duration: number;
  /** Whether this is only to see that all of it works: then sizes are a hundredth. */
  readonly smoke: boolean;
}

/** Something that is measured: a file of `bench/workloads`. */
export interface Workload {
  /** What `--only` calls it, and its file among the results. */
  readonly id: string;
  run(effort: Effort): Promise<Section>;
}

/** What a run was made on: nothing that tells whose machine it is. */
export interface Machine {
  /** The processor's model, and how many cores the run could use. */
  readonly cpu: string;
  readonly cores: number;
  /** In bytes. */
  readonly memory: number;
  readonly kernel: string;
  /** Versions of the runtimes and packages, by name. */
  readonly versions: Readonly<Record<string, string>>;
}

/** A section as it is kept. */
export interface Kept extends Section {
  readonly id: string;
  /** The day of the run. */
  readonly date: string;
  readonly effort: Effort;
  readonly machine: Machine;
}

const results = fileURLToPath(new URL("../results/", import.meta.url));

/**
 * Keeps what a workload showed; what was kept of it before is gone.
 *
 * @param folder where, with a slash at its end
 */
export function keep(kept: Kept, folder: string = results): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}${kept.id}.json`, `${JSON.stringify(kept, undefined, 2)}\n`);
}

/**
 * What is kept, by id.
 *
 * @param folder where, with a slash at its end
 */
export function readKept(folder: string = results): Kept[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .toSorted()
    .map((file) => JSON.parse(readFileSync(folder + file, "utf8")) as Kept);
}
