import type { RuntimeName } from "../../test/support/runtimes.ts";
import { runProgram } from "../harness/program.ts";
import { inRounds, median, quantile } from "../harness/rounds.ts";
import type { Workload } from "../harness/section.ts";

const MESSAGES = 100_000;
/** Processes of each kind on each runtime at most: each counts several times. */
const ROUNDS = 3;
const kinds = ["text", "json", "callbacks", "sessions", "sockets"] as const;
type Kind = (typeof kinds)[number];

const names: Readonly<Record<Kind, string>> = {
  text: "echo",
  json: "echo with JSON",
  callbacks: "with callbacks",
  sessions: "with sessions from cache",
  sockets: "the in-memory transport alone",
};

/** What the original does on a present machine, in messages a second. It has nothing for the last. */
const original: Readonly<Record<Kind, number | undefined>> = {
  text: 1_200_000,
  json: 520_000,
  callbacks: 650_000,
  sessions: 1_050_000,
  sockets: undefined,
};

const platforms: readonly (readonly [RuntimeName, string])[] = [
  ["node20", "Node 20"],
  ["nodeCurrent", "Node 26"],
  ["bun", "Bun"],
  ["deno", "Deno"],
];

interface System {
  readonly kind: Kind;
  readonly runtime: RuntimeName;
}

const format = (value: number): string => Math.round(value).toLocaleString("en");

/** The four workloads that the original Prism published, in one process over an in-memory transport. */
export const workload: Workload = {
  id: "original",
  async run({ rounds, smoke }) {
    const systems = platforms.flatMap(([runtime]) => kinds.map((kind): System => ({ kind, runtime })));
    const cold = new Map<System, number[]>(systems.map((system) => [system, []]));
    const samples = await inRounds(
      smoke ? systems.slice(0, kinds.length) : systems,
      Math.min(rounds, ROUNDS),
      async (system) => {
        const args = [system.kind, String(smoke ? MESSAGES / 100 : MESSAGES), smoke ? "2" : "6"];
        const rates = await runProgram<number[]>({ runtime: system.runtime, file: "original/exchange.ts", args });
        const [first, ...others] = rates as [number, ...number[]];
        cold.get(system)!.push(first);
        return median(others);
      },
    );
    const rowsOf = (runtime: RuntimeName): (string | number)[][] =>
      [...samples]
        .filter(([system]) => system.runtime === runtime)
        .map(([system, rates]) => {
          const before = original[system.kind];
          return [
            names[system.kind],
            format(median(rates)),
            `${format(quantile(rates, 0))} to ${format(quantile(rates, 1))}`,
            format(median(cold.get(system)!)),
            before === undefined ? "" : format(before),
            before === undefined ? "" : (median(rates) / before).toFixed(2),
          ];
        });
    return {
      title: "The original's four workloads",
      text:
        `${format(smoke ? MESSAGES / 100 : MESSAGES)} messages through one client and one app, joined in memory in one process on one core: ` +
        "each is sent and comes back, and is checked. Each figure is of processes of its own: *cold* is the first count in a " +
        "process, the others the median of five more. The original's figures are those of its code on a present machine, not of this " +
        "run: it validated nothing, counted nothing and joined nothing. Here every message is counted at both ends, kept until it is " +
        "acknowledged, held against limits of depth, size and number, and given to a handler with its connection and session; JSON is " +
        "validated by a schema, and text is copied out of its packet, so that it does not keep all of it in memory. At most " +
        "1,000 messages are under way, as many as a server takes calls of one client: it is they that share a packet.",
      tables: platforms
        .filter(([runtime]) => rowsOf(runtime).length > 0)
        .map(([runtime, platform]) => ({
          caption: `Messages a second on ${platform}`,
          columns: ["", "Prism", "from, to", "cold", "the original", "ratio"],
          rows: rowsOf(runtime),
        })),
    };
  },
};
