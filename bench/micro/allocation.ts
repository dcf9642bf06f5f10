import { PerformanceObserver } from "node:perf_hooks";
import process from "node:process";
import type { Step } from "./step.ts";

/** As much is made while bytes are counted, at most: it must fit into the young generation. */
const ROOM = 32 * 2 ** 20;
const WARM_UP = 2_000;
/** Runs by which it is guessed how many fit. */
const FEW = 50;
const MOST = 20_000;

/** Flags of V8 with which nothing is collected while bytes are counted. */
export const roomy: readonly string[] = ["--expose-gc", "--min-semi-space-size=128", "--max-semi-space-size=128"];

/**
 * Counts what a step makes on the heap.
 *
 * @param warmUp runs beforehand, so that all is compiled
 * @returns bytes an operation
 * @throws {Error} Something was collected meanwhile: the count would be wrong
 */
export async function countBytes(step: Step, warmUp: number = WARM_UP): Promise<number> {
  await repeat(step, warmUp);
  const each = Math.max((await grow(step, FEW)) / FEW, 1);
  const runs = Math.min(MOST, Math.max(FEW, Math.floor(ROOM / each)));
  return (await grow(step, runs)) / runs / step.operations;
}

async function repeat(step: Step, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const late = step.run();
    // Waiting makes something of its own.
    if (late !== undefined) await late;
  }
}

async function grow(step: Step, runs: number): Promise<number> {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error(`Bytes are counted with ${roomy.join(" ")}`);
  gc();
  await turn();
  let collections = 0;
  const observer = new PerformanceObserver((list) => void (collections += list.getEntries().length));
  observer.observe({ entryTypes: ["gc"] });
  const before = process.memoryUsage().heapUsed;
  await repeat(step, runs);
  const bytes = process.memoryUsage().heapUsed - before;
  await turn();
  observer.disconnect();
  if (collections > 0) throw new Error(`${step.name}: something was collected while bytes were counted`);
  return bytes;
}

/** Several: collections are told in a turn of their own. */
async function turn(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
}
