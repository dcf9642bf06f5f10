import { median } from "../harness/rounds.ts";
import type { Table, Workload } from "../harness/section.ts";
import { SMALL } from "../load/bodies.ts";
import { driveClosed } from "../load/closed-loop.ts";
import { formatMedian, formatRatio, measureAll, type Measures } from "../systems/compare.ts";
import { label } from "../systems/labels.ts";
import { prismSessionSystems, prismStoredSessionSystems, prismSystems } from "../systems/prism.ts";
import type { System } from "../systems/system.ts";

const CONNECTIONS = 64;
const IN_FLIGHT = [1, 16];
const systems: readonly System[] = [prismSystems(), prismSessionSystems(), prismStoredSessionSystems()].flat();

/** What it costs that a handler looks at its session. */
export const workload: Workload = {
  id: "sessions",
  async run(effort) {
    const measured = await measureAll(systems, effort, async (system, server) => {
      const values: Record<string, number> = {};
      for (const inFlight of IN_FLIGHT) {
        const load = { connections: CONNECTIONS, inFlight, body: SMALL };
        const { rate, cpu, own } = await driveClosed(server, system.dialect, load, effort.duration / 3);
        values[`rate ${inFlight}`] = rate;
        values[`cpu ${inFlight}`] = cpu;
        values[`own ${inFlight}`] = own;
      }
      return values;
    });
    return {
      title: "Sessions",
      text:
        "The small call with `session: false`; with a session, signed in, that the handler looks at for each call, from the cache; " +
        "and with `cache: false`, where it is read from its storage before each call, here unstorage's in memory: what is shown is " +
        "Prism's own cost, to which a real storage adds its round trip. Each connection has a session of its own. Ratios are to " +
        "`session: false` on the same runtime in the same round.",
      tables: IN_FLIGHT.map((inFlight) => toTable(inFlight, measured)),
    };
  },
};

function toTable(inFlight: number, measured: ReadonlyMap<System, Measures>): Table {
  const rateOf = (system: System): readonly number[] => measured.get(system)![`rate ${inFlight}`]!;
  const without = ({ runtime }: System): System => systems.find((one) => one.runtime === runtime)!;
  return {
    caption: `${inFlight} in flight on each of ${CONNECTIONS} connections`,
    columns: ["system", "calls a second", "CPU a call, µs", "the generator's, µs", "beside no session"],
    rows: systems.map((system) => [
      label(system),
      formatMedian(rateOf(system)),
      formatMedian(measured.get(system)![`cpu ${inFlight}`]),
      formatMedian(measured.get(system)![`own ${inFlight}`]),
      formatRatio(rateOf(system), rateOf(without(system))),
    ]),
    data: Object.fromEntries(systems.map((system) => [label(system), { rate: median(rateOf(system)) }])),
  };
}
