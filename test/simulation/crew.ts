import { Worker } from "node:worker_threads";
import { bundle, type Mutant } from "./bundle.ts";
import type { Failure, Order, Outcome } from "./campaign.ts";

/** How long a worker may take over its time, in ms, and for each schedule that it owes: what does not end then never does. */
const GRACE = 10_000;
const GRACE_EACH = 50;

/** Has a worker play schedules. One that ends in any other way than by telling has failed. */
export function work(file: string, order: Order): Promise<Outcome> {
  return new Promise((resolve) => {
    const worker = new Worker(file, { workerData: order });
    const failed = (what: string): void => {
      resolve({ played: 0, failures: [{ seed: order.seed, what }], known: 0 });
      void worker.terminate();
    };
    const timer = setTimeout(() => failed("never ends"), order.within + GRACE + GRACE_EACH * order.least);
    worker.on("message", (outcome: Outcome) => {
      clearTimeout(timer);
      resolve(outcome);
      void worker.terminate();
    });
    worker.on("error", (error) => {
      clearTimeout(timer);
      failed(`ends with ${String(error)}`);
    });
  });
}

/** Plays schedules of the shipped code, or of a mutant, on several cores. */
export async function playMany(file: string, order: Order, workers: number): Promise<Outcome> {
  const part = (all: number): number => Math.ceil(all / workers);
  const share = { step: order.step * workers, count: part(order.count), least: part(order.least) };
  const each = Array.from({ length: workers }, (_, i) =>
    work(file, { ...order, ...share, seed: order.seed + i * order.step }),
  );
  const outcomes = await Promise.all(each);
  const failures = outcomes.flatMap((outcome) => outcome.failures).toSorted((a, b) => a.seed - b.seed);
  const sum = (of: "played" | "known"): number => outcomes.reduce((all, outcome) => all + outcome[of], 0);
  return { played: sum("played"), known: sum("known"), failures };
}

/** How a mutant was caught. */
export interface Catch {
  readonly seeds: number;
  readonly seconds: number;
  readonly failure: Failure | undefined;
  /** Why it was not even hunted: what it replaces is not there. */
  readonly problem?: string;
}

/** Looks for the first seed at which a mutant fails. */
export async function hunt(mutant: Mutant, count: number, within: number): Promise<Catch> {
  const began = performance.now();
  let file: string;
  try {
    file = await bundle(mutant);
  } catch (error) {
    return { seeds: 0, seconds: 0, failure: undefined, problem: (error as Error).message };
  }
  const { played, failures } = await work(file, { seed: 1, step: 1, count, within, least: 0, first: true });
  return { seeds: played, seconds: (performance.now() - began) / 1_000, failure: failures[0] };
}

/** Hunts several at a time. */
export async function huntAll(mutants: readonly Mutant[], count: number, within: number): Promise<Map<string, Catch>> {
  const caught = new Map<string, Catch>();
  const left = [...mutants];
  const hunter = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift())
      caught.set(next.name, await hunt(next, count, within));
  };
  await Promise.all([hunter(), hunter()]);
  return caught;
}
