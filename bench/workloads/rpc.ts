import type { Table, Workload } from "../harness/section.ts";
import { SMALL } from "../load/bodies.ts";
import { driveClosed } from "../load/closed-loop.ts";
import { toSamples } from "../report/systems.ts";
import { measureAll, type Measures } from "../systems/compare.ts";
import { toCallsTable } from "../systems/calls-table.ts";
import { echoControls } from "../systems/controls.ts";
import { label, packageVersions } from "../systems/labels.ts";
import { generatorLimit } from "../systems/limit.ts";
import { rpcPeers } from "../systems/peers.ts";
import { prismSessionSystems, prismSystems } from "../systems/prism.ts";
import type { System } from "../systems/system.ts";
import { median } from "../harness/rounds.ts";

const CONNECTIONS = 64;
const IN_FLIGHT = [1, 16];
/** Of the effort's duration: there are many systems here, and each has two measurements in a round. */
const SHARE = 0.35;
const systems: readonly System[] = [
  generatorLimit,
  ...prismSystems(),
  ...prismSessionSystems(["node20", "nodeCurrent"]),
  ...echoControls,
  ...rpcPeers,
];

/** Small calls, one or several under way on each connection. */
export const workload: Workload = {
  id: "rpc",
  async run(effort) {
    const measured = await measureAll(systems, effort, async (system, server) => {
      const values: Record<string, number> = {};
      for (const inFlight of IN_FLIGHT) {
        const load = { connections: CONNECTIONS, inFlight, body: SMALL };
        const { rate, cpu, own } = await driveClosed(server, system.dialect, load, effort.duration * SHARE);
        values[`rate ${inFlight}`] = rate;
        values[`cpu ${inFlight}`] = cpu;
        values[`own ${inFlight}`] = own;
      }
      return values;
    });
    return {
      title: "Calls",
      text:
        `\`${SMALL}\` to a procedure that gives it back, over ${CONNECTIONS} connections; a connection asks again when it is ` +
        "answered. Each server has a core to itself and the generator another; all run with `NODE_ENV=production`, without " +
        "compression, as compiled JavaScript. The generator speaks plain TCP and wrote its frames beforehand, masked as a client's " +
        "are; it looks at each byte of each reply. The first row is what it reaches against a server that only looks up what to " +
        "write. CPU time is that of all of a server's threads; beside it stands what the generator spent on a call: **where that is " +
        "the greater, the rate is the generator's, not the system's**, and the CPU time is the figure to look at. " +
        "Each system is asked as its own client asks: Prism's and tRPC's join what is called in one turn into one message, the others " +
        "send one for each call. Ids are the smallest free ones for all, which is a little shorter than what the peers' clients write.\n\n" +
        "What does the same work: rows with *schema* check `{ n: number }` with valibot (tRPC and oRPC without one take any input; " +
        "Prism takes none without one). The peers have no sessions; Prism has none either where no row says so, though it has by default. " +
        "Prism keeps what it has sent until it is acknowledged, which the generator does as Prism's client would; the peers do not. " +
        "No native add-ons of `ws` (bufferutil) are installed for anybody. The *echo* rows, crossws and Hono among them, read no JSON and know no procedures: they are " +
        "floors, not rivals. `corked` is `ws` with what it writes in one turn held together, three lines: what Prism gains over " +
        "plain `ws` with 16 in flight is that, and it is to be compared with the corked one. Ratios are to the figure of the " +
        "same round, with half of the rounds between the numbers in brackets; on Bun and Deno they are to the newer Node's.\n\n" +
        `${packageVersions()}.`,
      tables: IN_FLIGHT.map((inFlight) => toTable(inFlight, measured)),
    };
  },
};

function toTable(inFlight: number, measured: ReadonlyMap<System, Measures>): Table {
  const rateOf = (system: System): readonly number[] => measured.get(system)![`rate ${inFlight}`]!;
  return {
    caption: `${inFlight} in flight on each of ${CONNECTIONS} connections`,
    ...toCallsTable(systems, measured, inFlight),
    data: {
      case: "schema",
      connections: CONNECTIONS,
      inFlight,
      rates: toSamples(systems.map((system) => [label(system), rateOf(system)])),
      ...Object.fromEntries(
        systems.map((system) => [
          label(system),
          {
            family: system.family,
            runtime: system.runtime,
            rate: median(rateOf(system)),
            cpu: median(measured.get(system)![`cpu ${inFlight}`]!),
            rates: rateOf(system),
          },
        ]),
      ),
    },
  };
}
