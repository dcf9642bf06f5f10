import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What a process holds, in bytes. */
export interface Memory {
  readonly heap: number;
  readonly rss: number;
}

interface Collecting {
  gc?: () => void;
  Bun?: { gc(now: boolean): void };
}

/** What is left when all that can be is collected. */
export async function collect(): Promise<Memory> {
  const runtime = globalThis as Collecting;
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (runtime.Bun !== undefined) runtime.Bun.gc(true);
    else runtime.gc?.();
  }
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  return { heap: heapUsed + Math.max(external, arrayBuffers), rss };
}

/** Lets the process collect when it is told to. */
export function exposeCollector(): void {
  const runtime = globalThis as Collecting;
  if (runtime.Bun !== undefined) return;
  setFlagsFromString("--expose-gc");
  runtime.gc ??= runInNewContext("gc") as () => void;
}

/** Has the time of day be another from now on; what passes is measured by another clock, which this leaves alone. */
export function jump(ms: number): void {
  const { now } = Date;
  Date.now = () => now() + ms;
}

/** How often memory is looked at, in ms. */
const LOOK = 20;

/** The most memory that the process has at a time. */
export class Peak {
  #highest = 0;
  #looking = false;

  /** The most since it was last asked, in bytes; it begins to look when it is first asked. */
  take(): number {
    const highest = this.#highest;
    this.#highest = 0;
    if (!this.#looking) setInterval(() => (this.#highest = Math.max(this.#highest, process.memoryUsage().rss)), LOOK);
    this.#looking = true;
    return highest;
  }
}
