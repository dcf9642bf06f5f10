import process from "node:process";
import type { Mood } from "./app.ts";
import { Between } from "./between.ts";
import { Duel } from "./duel.ts";
import { Enemy } from "./enemy.ts";
import { keepPacket, type Kept } from "./grammar.ts";
import { Impostor } from "./impostor.ts";
import { Random } from "./random.ts";
import { Crash } from "./crash.ts";
import { installPage } from "./user.ts";
import type { Plant } from "./planted.ts";
import type { Session } from "./session.ts";
import { World } from "./world.ts";

/** What became of a campaign. */
export interface Outcome {
  readonly seed: number;
  readonly frames: number;
  readonly packets: number;
  readonly sessions: number;
  /** What the end under test did that it must not, and the last packets before. */
  readonly crash: { readonly oracle: string; readonly text: string; readonly trail: readonly Trace[] } | undefined;
}

/** A packet that was said, or that was fed, and what was to come of it. */
interface Trace {
  readonly what: string;
  readonly packet: Kept;
}

/** How long a server under test waits at most for anything, in ms, and a client for its next attempt. */
const PATIENCE = 15_000;

/** A campaign in steps: a script of who does what in the world. */
export type Script = (world: World) => Promise<readonly Session[]>;

/** Some at once, who come, do things and go, all as the seed has it. */
async function skirmish(world: World): Promise<readonly Session[]> {
  const { random, clock } = world;
  const all: Session[] = [];
  let here: Session[] = [];
  // Most keep to the rules, since those who break them are thrown out before they get far.
  const malice = (): number => random.pick([0, 0, 0.02, 0.1, 0.4]);
  for (let steps = random.between(40, 120); steps > 0; steps--) {
    here = here.filter((session) => !session.over);
    if (here.length === 0 || (here.length < 5 && random.chance(0.15))) {
      const session = await enter(world, malice());
      all.push(session);
      here.push(session);
    } else if (random.chance(0.15)) {
      for (const session of here) await session.act();
      for (const session of here) session.loosen();
    } else await random.pick(here).act();
    await world.settle();
    for (const session of here) session.judge();
    if (random.chance(0.15)) {
      // A process that is held up for a while finds much to do at once.
      if (random.chance(0.2)) clock.stall(random.between(100, 10_000));
      await world.advance(random.pick([1, 30, 300, 1_000, 3_000, 3_000, 12_000]));
    }
    if (random.chance(0.2)) await world.bystander.check();
  }
  return all;
}

async function enter(world: World, malice: number): Promise<Session> {
  const { random } = world;
  const mood = random.pick<Mood>(["plain", "plain", "late", "picky"]);
  const kind = random.below(11);
  if (kind === 10) return new Duel(world);
  if (kind < 5) {
    const enemy = new Enemy(world, mood, malice);
    await enemy.open();
    return enemy;
  }
  return kind < 7 ? new Between(world, mood, malice * 0.5) : new Impostor(world, malice);
}

/** Runs one campaign: all that happens in it follows from the seed. */
export async function runCampaign(seed: number, plant?: Plant, script?: Script): Promise<Outcome> {
  const world = new World(new Random(seed), plant, script !== undefined);
  const unhandled = (error: unknown): void => world.report(new Crash("unhandled rejection", String(error), error));
  const thrown = (error: unknown): void => world.report(new Crash("uncaught", String(error), error));
  process.on("unhandledRejection", unhandled);
  process.on("uncaughtException", thrown);
  const removePage = installPage();
  let crash: Outcome["crash"];
  try {
    await world.open();
    await finish(world, await (script ?? skirmish)(world));
  } catch (error) {
    world.report(error);
  } finally {
    removePage();
    process.off("unhandledRejection", unhandled);
    process.off("uncaughtException", thrown);
  }
  try {
    world.check();
  } catch (error) {
    const { oracle, stack, cause } = error as Crash;
    const because = cause instanceof Error ? `\nbecause of ${cause.stack}` : "";
    const trail = world.trail.map(({ what, packet }) => ({ what, packet: keepPacket(packet) }));
    crash = { oracle, text: `${stack}${because}`, trail };
  }
  const { frames, packets, sessions } = world;
  return { seed, frames, packets, sessions, crash };
}

/** Everybody goes; nothing must be left of them. */
async function finish(world: World, sessions: readonly Session[]): Promise<void> {
  const { fuzzed, clock, bystander } = world;
  for (const session of sessions) {
    if (session instanceof Impostor) await session.recover();
    session.end();
  }
  await world.advance(PATIENCE);
  await bystander.check();
  const { connections } = fuzzed.app.stats();
  if (connections !== 1) throw new Crash("left over", `${connections} connections where there is one client`);
  const busy = fuzzed.busy();
  if (busy.length > 0) throw new Crash("left over", `handlers at work for nobody: ${busy.join(", ")}`);
  for (const session of sessions) {
    const pending = session.pending ?? 0;
    if (pending !== 0) throw new Crash("left over", `${pending} calls of a closed client without an ending`);
  }
  bystander.connection.close();
  await world.settle();
  await fuzzed.app.close();
  // Those who acknowledge for all of a process go on for a second at most.
  await world.advance(2_000);
  if (clock.timers !== 0) throw new Crash("left over", `${clock.timers} timers`);
}
