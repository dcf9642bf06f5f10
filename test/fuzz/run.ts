// `npm run fuzz -- --seconds 60 --seed 1`: fuzzes the whole receive path, and says how much of it that has reached. With
// `--seed` alone it runs that one campaign, and shows how it came to what it found.
import { parseArgs } from "node:util";
import { root } from "../support/runtimes.ts";
import type { Outcome } from "./campaign.ts";
import { Coverage, percent, type FileCoverage } from "./coverage.ts";
import type { Plant } from "./planted.ts";

const FOLDERS = ["src/wire", "src/connection"];
const WANTED = 95;
/** What a long run may hold more than a short one, after a collection, in bytes. */
const GROWTH = 48 * 1024 * 1024;

/** Where the hunt for what is planted begins: always the same campaigns, so that chance does not decide whether it is found. */
const PLANTED = 1;
/** The first campaigns are the same each time, and are run however long they take: enough of them to reach what is wanted. */
const FIXED = 120;

const options = { seconds: { type: "string" }, seed: { type: "string" }, plant: { type: "string" } } as const;
const { values } = parseArgs({ options });
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);

const coverage = new Coverage();
await coverage.start();
const { runCampaign } = await import("./campaign.ts");
const { readCorpus, replay } = await import("./corpus.ts");
const { plants, findPlanted } = await import("./plants.ts");
const { createMemoryWatch } = await import("./memory.ts");

const total = { frames: 0, packets: 0, sessions: 0, campaigns: 0, crashes: 0 };

/** Adds a campaign to the total, and tells of what it found. */
function count({ frames, packets, sessions, crash }: Outcome, how: string): void {
  total.campaigns++;
  total.frames += frames;
  total.packets += packets;
  total.sessions += sessions;
  if (crash === undefined) return;
  report(`${crash.text}\n  after ${JSON.stringify(crash.trail.slice(-10), undefined, 2)}\n  again: ${how}`);
}

function report(what: string): void {
  total.crashes++;
  console.log(`CRASH ${what}\n`);
}

/** Prints what was reached, and says whether it is enough. */
function tell(files: readonly FileCoverage[]): boolean {
  for (const { file, branches, missed } of files) {
    if (branches === 0) continue;
    const lines = missed.map(({ line, way }) => `${line} ${way}`).join(", ");
    const share = percent([{ file, branches, missed }]).toFixed(1);
    console.log(`${share.padStart(6)} %  ${`${branches - missed.length}/${branches}`.padStart(7)}  ${file}  ${lines}`);
  }
  return FOLDERS.map((folder) => {
    const share = percent(files.filter(({ file }) => file.startsWith(`${folder}/`)));
    console.log(`${share.toFixed(1).padStart(6)} %  of the branches in ${folder}; ${WANTED} % wanted`);
    return share >= WANTED;
  }).every(Boolean);
}

/** Replays what is known, sees whether what is planted is found, and then goes on until the time is up. */
async function fuzz(seconds: number): Promise<void> {
  const started = performance.now();
  for (const entry of readCorpus()) {
    count(
      await runCampaign(entry.seed ?? 0, undefined, entry.seed === undefined ? replay(entry) : undefined),
      entry.what,
    );
  }
  // One that finds nothing must be able to find something.
  for (const plant of plants) {
    if ((await findPlanted(plant, PLANTED)) === undefined)
      report(`Blind: what was planted as "${plant}" was not found`);
  }
  const memory = createMemoryWatch();
  const begun = performance.now();
  const before = total.frames;
  for (let i = 0; i < FIXED || performance.now() - started < seconds * 1000; i++) {
    const next = i < FIXED ? i + 1 : seed + i - FIXED;
    count(await runCampaign(next), `npm run fuzz -- --seed ${next}`);
    memory.look();
  }
  const { frames, packets, sessions, campaigns } = total;
  const rate = Math.round(((frames - before) / (performance.now() - begun)) * 1000);
  console.log(`${campaigns} campaigns, ${sessions} sessions, ${packets} packets, ${frames} frames`);
  console.log(`${rate} frames a second, while branches are counted`);
  console.log(`${(memory.growth / 2 ** 20).toFixed(1)} MiB more than at the beginning`);
  if (memory.growth > GROWTH) report("Memory grows");
  if (!tell(await coverage.take(root, FOLDERS))) process.exitCode = 1;
}

console.log(`seed ${seed}`);
if (values.plant !== undefined) {
  const crash = await findPlanted(values.plant as Plant, seed);
  if (crash !== undefined) report(crash.text);
} else if (values.seconds === undefined && values.seed !== undefined) {
  count(await runCampaign(seed), `npm run fuzz -- --seed ${seed}`);
} else await fuzz(Number(values.seconds ?? 60));
console.log(`${total.crashes} crashes`);
if (total.crashes > 0) process.exitCode = 1;
coverage.stop();
