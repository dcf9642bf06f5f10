import { runCampaign, type Outcome } from "./campaign.ts";
import type { Plant } from "./world.ts";

/** Bugs that are planted, each of another sort. */
export const plants: readonly Plant[] = [
  "adapter",
  "answer",
  "credit",
  "deaf",
  "grammar",
  "leak",
  "prototype",
  "rejection",
  "throw",
  "timer",
  "trusting",
];

/** Campaigns within which a planted bug must be found. */
const PATIENCE = 30;

/** What a planted bug must be found by. */
const oracles: Readonly<Record<Plant, readonly string[]>> = {
  adapter: ["log"],
  answer: ["bystander"],
  credit: ["grammar"],
  deaf: ["verdict", "left over"],
  grammar: ["grammar"],
  leak: ["left over"],
  prototype: ["prototype"],
  rejection: ["unhandled rejection"],
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
