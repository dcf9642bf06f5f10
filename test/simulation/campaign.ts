import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { known } from "./known.ts";
import { play } from "./play.ts";
import { drawSchedule, type Action, type Schedule } from "./schedule.ts";

/** What a worker is to play. */
export interface Order {
  /** The first seed, and how far apart the seeds are. */
  readonly seed: number;
  readonly step: number;
  /** At most so many. */
  readonly count: number;
  /** No new one after so many ms, once there were so many. */
  readonly within: number;
  readonly least: number;
  /** Whether the first that fails is the last. */
  readonly first: boolean;
}

/** What a worker tells when it is done. */
export interface Outcome {
  readonly played: number;
  readonly failures: readonly Failure[];
  /** How many failed in a way that is known. */
  readonly known: number;
}

export interface Failure {
  readonly seed: number;
  readonly what: string;
}

const isKnown = (what: string): boolean => known.some((pattern) => pattern.test(what));

/** Plays schedules, one after the other. */
export async function campaign({ seed, step, count, within, least, first }: Order): Promise<Outcome> {
  const end = performance.now() + within;
  // Most of what an error costs is its stack, which nobody sees here.
  Error.stackTraceLimit = 0;
  const failures: Failure[] = [];
  let tolerated = 0;
  let played = 0;
  const enough = (): boolean => (performance.now() >= end && played >= least) || (first && failures.length > 0);
  while (played < count && !enough()) {
    const next = seed + played++ * step;
    const what = await play(drawSchedule(next));
    if (what === undefined) continue;
    if (isKnown(what)) tolerated++;
    else failures.push({ seed: next, what });
  }
  return { played, failures, known: tolerated };
}

/** Leaves out of a schedule what it fails without. */
async function shrink(schedule: Schedule): Promise<Schedule> {
  const fails = async (actions: readonly Action[]): Promise<boolean> => {
    const what = await play({ ...schedule, actions });
    return what !== undefined && !isKnown(what);
  };
  let { actions } = schedule;
  for (let size = Math.ceil(actions.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < actions.length;) {
      const fewer = actions.filter((_, i) => i < at || i >= at + size);
      if (await fails(fewer)) actions = fewer;
      else at += size;
    }
  }
  return { ...schedule, actions };
}

/** Tells how a seed comes to fail, with no more happening than it takes; nothing where it does not fail. */
export async function explain(seed: number): Promise<string | undefined> {
  const schedule = drawSchedule(seed);
  if ((await play(schedule)) === undefined) return undefined;
  const short = await shrink(schedule);
  const trace: string[] = [`seed ${seed}, ${short.actions.length} of ${schedule.actions.length} actions`];
  trace.push(JSON.stringify(short.config));
  await play(short, (line) => trace.push(line));
  return trace.join("\n  ");
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's port has none
if (!isMainThread) void campaign(workerData as Order).then((outcome) => parentPort!.postMessage(outcome));
