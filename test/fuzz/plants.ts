import { runCampaign, type Outcome } from "./campaign.ts";
import type { Plant } from "./planted.ts";

/** Bugs that are planted, each of another sort. */
export const plants: readonly Plant[] = [
  "acknowledgement",
  "adapter",
  "answer",
  "credit",
  "deaf",
  "future",
  "grammar",
  "late",
  "leak",
  "prototype",
  "rejection",
  "replay",
  "spent",
  "takeover",
  "throw",
  "timer",
  "trusting",
];

/** Campaigns within which a planted bug must be found: the rarest is found by one in forty. */
const PATIENCE = 160;

/** What a planted bug must be found by. */
const oracles: Readonly<Record<Plant, readonly string[]>> = {
  acknowledgement: ["acknowledgement"],
  adapter: ["log"],
  answer: ["bystander"],
  credit: ["grammar"],
  deaf: ["verdict", "left over"],
  future: ["verdict"],
  grammar: ["grammar"],
  // Taken, it breaks the page where it cannot be, and else what is kept and replayed.
  late: ["verdict", "grammar", "bounds", "replay"],
  leak: ["left over"],
  prototype: ["prototype"],
  rejection: ["unhandled rejection"],
  replay: ["replay"],
  spent: ["grammar"],
  takeover: ["takeover"],
  throw: ["thrown"],
  timer: ["left over"],
  trusting: ["verdict"],
};

/** Plants a bug, and fuzzes until it is found: by the right oracle, and no other. */
export async function findPlanted(plant: Plant, seed: number): Promise<Outcome["crash"]> {
  for (let i = 0; i < PATIENCE; i++) {
    const { crash } = await runCampaign(seed + i, plant);
    if (crash !== undefined && oracles[plant].includes(crash.oracle)) return crash;
  }
  return undefined;
}
