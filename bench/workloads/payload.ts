import type { Effort, Table, Workload } from "../harness/section.ts";
import { bytesBody, lengthOf, listBody } from "../load/bodies.ts";
import { driveClosed } from "../load/closed-loop.ts";
import type { Body } from "../load/dialect.ts";
import { measureAll, type Measures } from "../systems/compare.ts";
import { toCallsTable } from "../systems/calls-table.ts";
import { echoControls } from "../systems/controls.ts";
import { label } from "../systems/labels.ts";
import { rpcPeers } from "../systems/peers.ts";
import { prismSystems } from "../systems/prism.ts";
import type { System } from "../systems/system.ts";
import { median } from "../harness/rounds.ts";

interface Kind {
  readonly name: string;
  readonly body: Body;
  readonly inFlight: number;
}

const CONNECTIONS = 16;
const kinds: readonly Kind[] = [
  { name: "1 KiB of JSON", body: listBody(1_000), inFlight: 16 },
  { name: "64 KiB of JSON", body: listBody(64_000), inFlight: 1 },
  { name: "1 KiB of bytes", body: bytesBody(1_024), inFlight: 16 },
  { name: "64 KiB of bytes", body: bytesBody(65_536), inFlight: 1 },
];
/** The newer Node alone, and what differs from others by more than what it carries: the rest is among the small calls. */
const systems: readonly System[] = [...prismSystems(), ...echoControls, ...rpcPeers].filter(
  ({ runtime, name, args }) => runtime !== "node20" && args?.[0] !== "plain" && name !== "Socket.IO emit",
);
/** Four measurements of each system in a round: so fewer rounds, and shorter ones. */
const ROUNDS = 3;
const SHARE = 0.3;

/** Calls of another size, and of another kind. */
export const workload: Workload = {
  id: "payload",
  async run(effort) {
    const reduced: Effort = { ...effort, rounds: Math.min(ROUNDS, effort.rounds) };
    const measured = await measureAll(systems, reduced, async (system, server) => {
      const values: Record<string, number> = {};
      for (const { name, body, inFlight } of kinds) {
        if (system.dialect.rpc?.(body) === undefined) continue;
        const load = { connections: CONNECTIONS, inFlight, body };
        const { rate, cpu, own } = await driveClosed(server, system.dialect, load, effort.duration * SHARE);
        values[`rate ${name}`] = rate;
        values[`cpu ${name}`] = cpu;
        values[`own ${name}`] = own;
      }
      return values;
    });
    return {
      title: "Calls of other sizes",
      text:
        `Rows of JSON as a page of results has them, and bytes, to a procedure that gives them back, over ${CONNECTIONS} connections. ` +
        "Rows with *schema* check each member of each row with valibot, and that bytes are bytes. *Echo* rows do not read what " +
        "they send back, and a large part of what they are ahead is that. Frames are masked with a mask that is not zero, as " +
        "clients' are: `ws` skips the work otherwise. A dash: tRPC carries no bytes over a WebSocket. oRPC carries them as a form, " +
        "the boundary of which its server draws anew for each reply; Socket.IO in a message of their own.",
      tables: kinds.map((kind) => toTable(kind, measured)),
    };
  },
};

function toTable({ name, body, inFlight }: Kind, measured: ReadonlyMap<System, Measures>): Table {
  const rateOf = (system: System): readonly number[] | undefined => measured.get(system)![`rate ${name}`];
  return {
    caption: `${name} (${lengthOf(body).toLocaleString("en")} bytes), ${inFlight} in flight`,
    ...toCallsTable(systems, measured, name),
    data: Object.fromEntries(
      systems.flatMap((system) => {
        const rates = rateOf(system);
        return rates === undefined ? [] : [[label(system), { rate: median(rates), rates }]];
      }),
    ),
  };
}
