// `npm run simulate -- --seeds 50000`: plays as many schedules on all cores, and says of each that fails how to have it
// again. `--seed 7` plays that one alone, and tells what happened; `--mutant name` has a defect put in first, and
// `--mutants` looks how many seeds each of them takes.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { bundle } from "./bundle.ts";
import type { explain } from "./campaign.ts";
import { huntAll, playMany } from "./crew.ts";
import { mutants } from "./mutants.ts";

const options = {
  seeds: { type: "string" },
  seed: { type: "string", default: "1" },
  mutant: { type: "string" },
  mutants: { type: "boolean", default: false },
} as const;
const { values } = parseArgs({ options });
/** How many failures are told in full. */
const TOLD = 3;
const DAY = 86_400_000;
/** Seeds, and ms, that a mutant may take to be found. */
const SEEDS = 3_000;
const WITHIN = 60_000;

async function hunt(): Promise<void> {
  for (const [name, { seeds, seconds, failure, problem }] of await huntAll(mutants, SEEDS, WITHIN)) {
    const how =
      failure === undefined ? `NOT CAUGHT ${problem ?? ""}` : `${failure.seed}: ${failure.what.split("\n")[0]}`;
    console.log(`${name.padEnd(54)} ${String(seeds).padStart(5)} seeds ${seconds.toFixed(1).padStart(5)} s  ${how}`);
    if (failure === undefined) process.exitCode = 1;
  }
}

async function simulate(): Promise<void> {
  const mutant = values.mutant === undefined ? undefined : mutants.find(({ name }) => name === values.mutant);
  if (mutant === undefined && values.mutant !== undefined) throw new Error(`No mutant "${values.mutant}"`);
  const file = await bundle(mutant);
  const module = (await import(file)) as { explain: typeof explain };
  const seed = Number(values.seed);
  if (values.seeds === undefined) return tell(await module.explain(seed), seed);
  const count = Number(values.seeds);
  const began = performance.now();
  const order = { seed, step: 1, count, within: DAY, least: 0, first: false };
  const { played, known, failures } = await playMany(file, order, availableParallelism());
  for (const [i, failure] of failures.entries()) {
    console.log(`seed ${failure.seed}: ${failure.what}`);
    if (i < TOLD) tell(await module.explain(failure.seed), failure.seed);
  }
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  console.log(
    `${played} schedules from seed ${seed} in ${seconds} s: ${failures.length} failures, ${known} known ones`,
  );
  if (failures.length > 0) process.exitCode = 1;
}

function tell(how: string | undefined, seed: number): void {
  const mutant = values.mutant === undefined ? "" : ` --mutant "${values.mutant}"`;
  console.log(how ?? `seed ${seed} holds`);
  if (how !== undefined) console.log(`again: npm run simulate -- --seed ${seed}${mutant}`);
}

await (values.mutants ? hunt() : simulate());
