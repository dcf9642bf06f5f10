import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Campaigns before the first look, when all is compiled and warm, and between two. */
const EVERY = 50;

/** Watches what is kept in memory from one campaign to the next. */
export interface MemoryWatch {
  /** How many bytes more are kept now than after the first campaigns. */
  readonly growth: number;
  /** To be called after each campaign. */
  look(): void;
}

export function createMemoryWatch(): MemoryWatch {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  let campaigns = 0;
  let first: number | undefined;
  let growth = 0;
  return {
    get growth() {
      return growth;
    },
    look() {
      if (++campaigns % EVERY !== 0) return;
      collect();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      const used = heapUsed + arrayBuffers;
      first ??= used;
      growth = used - first;
    },
  };
}
