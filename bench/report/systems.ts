import type { Samples } from "../harness/rounds.ts";
import type { BySystem } from "./keys.ts";

/** What a system is: Prism, something that only echoes or repeats (a control), or another library that does the same work. */
export type Kind = "prism" | "control" | "peer";

/** The systems that the goals and the chart speak of: their names in the workloads, and here. */
const names: ReadonlyMap<string, readonly [name: string, kind: Kind]> = new Map([
  ["Prism", ["Prism", "prism"]],
  ["Prism, schema", ["Prism", "prism"]],
  ["The generator's own limit", ["raw TCP", "control"]],
  ["ws", ["ws", "control"]],
  ["ws echo", ["ws", "control"]],
  ["ws, corked", ["ws corked", "control"]],
  ["ws echo, corked", ["ws corked", "control"]],
  ["TCP alone", ["TCP alone", "control"]],
  ["Bun.serve", ["Bun.serve", "control"]],
  ["Bun.serve echo", ["Bun.serve", "control"]],
  ["Deno.serve", ["Deno.serve", "control"]],
  ["Deno.upgradeWebSocket echo", ["Deno.upgradeWebSocket", "control"]],
  // These, too, read no JSON and know no procedures.
  ["crossws", ["crossws", "control"]],
  ["crossws echo", ["crossws", "control"]],
  ["Hono, @hono/node-ws echo", ["Hono node-ws", "control"]],
  ["Hono, node-server 2 echo", ["Hono node-server 2", "control"]],
  ["Socket.IO", ["Socket.IO", "peer"]],
  ["Socket.IO ack", ["Socket.IO", "peer"]],
  ["tRPC, schema", ["tRPC", "peer"]],
  ["oRPC, schema", ["oRPC", "peer"]],
]);
const kinds: ReadonlyMap<string, Kind> = new Map(names.values());

/**
 * What a system is, by its name, `<what>, <runtime>`.
 *
 * @example kindOf("ws corked, Node 20") === "control"
 */
export function kindOf(system: string): Kind {
  return kinds.get(system.split(", ")[0] ?? "") ?? "peer";
}

/**
 * Samples by the names that the goals and the chart know, from those by the labels of a workload's rows: of a runtime's
 * version only the first number is left, and systems that neither speaks of are left out.
 *
 * @param samples of each label, `<name> · <runtime>`
 * @example toSamples([["ws echo · Node 20.20.2", [1]]]) // { "ws, Node 20": [1] }
 * @throws {Error} None has a name that is known
 */
export function toSamples(samples: Iterable<readonly [label: string, samples: Samples]>): BySystem {
  const known: Record<string, Samples> = {};
  for (const [label, values] of samples) {
    const [name = "", runtime = ""] = label.split(" · ");
    const [short] = names.get(name) ?? [];
    if (short !== undefined) known[`${short}, ${toShort(runtime)}`] = values;
  }
  if (Object.keys(known).length === 0) throw new Error("No system has a name that goals know");
  return known;
}

/** Of Node there are two, so that its version counts. */
function toShort(runtime: string): string {
  return /^Node \d+/.exec(runtime)?.[0] ?? runtime.split(" ")[0]!;
}
