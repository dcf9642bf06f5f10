import { median } from "../harness/rounds.ts";
import type { Effort, Table, Workload } from "../harness/section.ts";
import { SMALL } from "../load/bodies.ts";
import { driveOpen } from "../load/open-loop.ts";
import { format, formatMedian, measureAll, type Measures } from "../systems/compare.ts";
import { echoControls } from "../systems/controls.ts";
import { label } from "../systems/labels.ts";
import { generatorLimit } from "../systems/limit.ts";
import { rpcPeers } from "../systems/peers.ts";
import { prismSystems } from "../systems/prism.ts";
import type { System } from "../systems/system.ts";

const CONNECTIONS = 64;
/** Calls a second, for all systems the same. */
const RATES = [2_000, 8_000, 20_000];
/** The newer Node alone, and each peer as it is commonly used: the rest is among the small calls. */
const systems: readonly System[] = [
  generatorLimit,
  ...[...prismSystems(), ...echoControls].filter(({ runtime }) => runtime !== "node20"),
  ...rpcPeers.filter(
    ({ runtime, name, args }) => runtime !== "node20" && args === undefined && name !== "Socket.IO emit",
  ),
];
const ROUNDS = 3;
const SHARE = 0.5;
/** Who gives fewer answers for each call does not keep up. */
const KEEPS_UP = 0.95;

/** The same calls a second for everybody, whatever is answered. */
export const workload: Workload = {
  id: "open-loop",
  async run(effort) {
    const reduced: Effort = { ...effort, rounds: Math.min(ROUNDS, effort.rounds) };
    const measured = await measureAll(systems, reduced, async (system, server) => {
      const values: Record<string, number> = {};
      for (const rate of RATES) {
        const asked = effort.smoke ? rate / 100 : rate;
        const load = { connections: CONNECTIONS, rate: asked, body: SMALL, duration: effort.duration * SHARE };
        const served = await driveOpen(server, system.dialect, load);
        for (const [name, value] of Object.entries(served)) values[`${name} ${rate}`] = value as number;
      }
      return values;
    });
    return {
      title: "Latency at the same load",
      text:
        `\`${SMALL}\`, asked so many times a second, spread evenly over time and ${CONNECTIONS} connections, whether it is answered ` +
        "or not; a call is measured from the moment that it was due, so that a stall counts for all that were due meanwhile. " +
        "The first row is the generator against a server that only looks up what to write: what of each figure is the generator's, " +
        "the system's network and the machine's noise. Work is what share of its core the server was busy, with the opening " +
        `of the connections left out. **Does not keep up**: fewer than ${KEEPS_UP * 100} answers came for 100 calls that were due in the same ` +
        "time, so ever more of them wait, and its latency says only how long this went on. A call that is never answered counts as the longest. " +
        "Where the first row does not keep up, the machine was busy with something else, and the table says nothing.",
      tables: RATES.map((rate) => toTable(rate, measured)),
    };
  },
};

function toTable(rate: number, measured: ReadonlyMap<System, Measures>): Table {
  const of = (system: System, name: string): readonly number[] => measured.get(system)![`${name} ${rate}`]!;
  const keepsUp = (system: System): boolean => median(of(system, "answered")) >= KEEPS_UP;
  return {
    caption: `${rate.toLocaleString("en")} calls a second`,
    columns: ["system", "p50, ms", "p99, ms", "work, % of a core", "answered"],
    rows: systems.map((system) => [
      label(system),
      formatMedian(of(system, "p50"), 2),
      formatMedian(of(system, "p99"), 2),
      format(median(of(system, "cpu")) * 100, 0),
      `${(median(of(system, "answered")) * 100).toFixed(keepsUp(system) ? 0 : 1)} %${keepsUp(system) ? "" : ", does not keep up"}`,
    ]),
    data: Object.fromEntries(
      systems.map((system) => [
        label(system),
        { p50: median(of(system, "p50")), p99: median(of(system, "p99")), keepsUp: keepsUp(system) },
      ]),
    ),
  };
}
