import { median, quantile, ratios } from "../harness/rounds.ts";
import type { Kept } from "../harness/section.ts";
import { type Case, findSamples, type Measure } from "./keys.ts";
import { format } from "./numbers.ts";

/** What is to be reached: a system's samples, as they are or beside another's, at least or at most so much. Without a bound it is only shown. */
export interface Goal {
  /** The work; goals of the same one stand together. */
  readonly work: string;
  readonly section: string;
  readonly measure: Measure;
  readonly of: Case;
  readonly system: string;
  /** The system whose sample of the same round each sample is divided by. */
  readonly beside?: string;
  /** In what the samples are, where they are not divided. */
  readonly unit?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** Less than, not equal. */
  readonly under?: number;
}

/** A goal, and what came of it. */
export interface Verdict {
  readonly goal: Goal;
  /** What was reached, with its spread; `undefined` where it was not measured. */
  readonly reached: string | undefined;
  readonly met: boolean;
  /** How many rounds met it, and of how many. */
  readonly rounds: number;
  readonly of: number;
}

const rpc = (inFlight: number, of: Pick<Goal, "system" | "beside" | "atLeast">): Goal => ({
  work: `RPC with a schema, 64 connections, ${inFlight} in flight each`,
  section: "rpc",
  measure: "rates",
  of: { case: "schema", inFlight },
  ...of,
});
const fanOut = (of: Pick<Goal, "system" | "beside" | "atLeast">): Goal => ({
  work: "fan-out to 1,000, 16 publications in flight",
  section: "fan-out",
  measure: "rates",
  of: { subscribers: 1_000, inFlight: 16 },
  ...of,
});
const memory = (measure: Measure, of: Pick<Goal, "system" | "beside" | "atMost" | "under">): Goal => ({
  work: `${measure === "bytes" ? "heap" : "resident memory"} for each of 10,000 idle connections, sessions and resume state included`,
  section: "idle-memory",
  measure,
  of: { connections: 10_000 },
  ...of,
});
const types = (beside: string): Goal => ({
  work: "type-checking 200 procedures and their client, instantiations",
  section: "types",
  measure: "instantiations",
  of: {},
  system: "Prism",
  beside,
  under: 1,
});

/** What the design asks for. */
export const goals: readonly Goal[] = [
  rpc(16, { system: "Prism, Node 26", beside: "Socket.IO, Node 26", atLeast: 7 }),
  rpc(16, { system: "Prism, Node 20", beside: "Socket.IO, Node 20", atLeast: 6 }),
  rpc(16, { system: "Prism, Node 26", beside: "tRPC, Node 26", atLeast: 14 }),
  rpc(16, { system: "Prism, Node 20", beside: "tRPC, Node 20", atLeast: 14 }),
  rpc(16, { system: "Prism, Node 26", beside: "ws corked, Node 26", atLeast: 0.8 }),
  rpc(16, { system: "Prism, Node 20", beside: "ws corked, Node 20", atLeast: 0.8 }),
  rpc(16, { system: "Prism, Node 26", beside: "ws, Node 26" }),
  rpc(16, { system: "Prism, Node 20", beside: "ws, Node 20" }),
  rpc(1, { system: "Prism, Node 26", beside: "ws, Node 26", atLeast: 0.95 }),
  rpc(1, { system: "Prism, Node 20", beside: "ws, Node 20", atLeast: 0.95 }),
  fanOut({ system: "Prism, Node 26", beside: "Socket.IO, Node 26", atLeast: 20 }),
  fanOut({ system: "Prism, Node 20", beside: "Socket.IO, Node 20", atLeast: 20 }),
  fanOut({ system: "TCP alone, Node 20", beside: "Socket.IO, Node 20" }),
  fanOut({ system: "Prism, Bun", beside: "Bun.serve, Bun", atLeast: 1 }),
  memory("bytes", { system: "Prism, Node 20", beside: "ws, Node 20", atMost: 1.3 }),
  memory("bytes", { system: "Prism, Node 20", beside: "Socket.IO, Node 20", under: 1 }),
  memory("resident", { system: "Prism, Node 20", beside: "ws, Node 20", atMost: 1.3 }),
  memory("resident", { system: "Prism, Node 20", beside: "Socket.IO, Node 20", under: 1 }),
  {
    work: "the client: connection and rpc, minified, gzip -9",
    section: "size",
    measure: "bytes",
    of: {},
    system: "Prism, core and rpc",
    unit: "bytes",
    atMost: 4_600,
  },
  types("tRPC"),
  types("oRPC"),
  {
    work: '`{"n":1}` to a procedure and back, on the wire',
    section: "wire-bytes",
    measure: "bytes",
    of: { what: "call", rate: "alone" },
    system: "Prism, Node 20",
    unit: "bytes",
    atMost: 28,
  },
];

/** Whether there is a bound, and the figure does not only stand there to be seen. */
export function isBound({ atLeast, atMost, under }: Goal): boolean {
  return (atLeast ?? atMost ?? under) !== undefined;
}

/** The bound in words. */
export function boundOf(goal: Goal): string {
  const { atLeast, atMost, under, beside, unit = "" } = goal;
  const of = beside === undefined ? unit : `× ${beside}`;
  if (!isBound(goal)) return `none: ${of}`;
  const [sign, value] = atLeast !== undefined ? ["≥", atLeast] : atMost !== undefined ? ["≤", atMost] : ["<", under];
  return `${sign} ${format(value!)} ${of}`;
}

/**
 * Holds what was measured against a goal: the median counts, and how many rounds would have met it is told.
 *
 * @throws {Error} Its two systems did not take their turns in the same rounds
 */
export function judge(goal: Goal, kept: readonly Kept[]): Verdict {
  const samples = findSamples(kept, goal.section, goal.measure, goal.of);
  const own = samples?.[goal.system];
  const other = goal.beside === undefined ? undefined : samples?.[goal.beside];
  if (own === undefined || (goal.beside !== undefined && other === undefined)) {
    return { goal, reached: undefined, met: false, rounds: 0, of: 0 };
  }
  if (other !== undefined && other.length !== own.length) {
    throw new Error(`${goal.system} had ${own.length} turns in ${goal.section}, ${goal.beside} ${other.length}`);
  }
  const values = other === undefined ? own : ratios(own, other);
  const { atLeast = -Infinity, atMost = Infinity, under = Infinity } = goal;
  const meets = (value: number): boolean => value >= atLeast && value <= atMost && value < under;
  const middle = median(values);
  const [least, most] = [quantile(values, 0), quantile(values, 1)];
  const spread = least === most ? "" : ` (${format(least)}–${format(most)})`;
  return {
    goal,
    reached: `${format(middle)}${spread}`,
    met: meets(middle),
    rounds: values.filter(meets).length,
    of: values.length,
  };
}
