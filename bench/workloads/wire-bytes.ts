import type { Effort, Workload } from "../harness/section.ts";
import { startServer } from "../harness/server.ts";
import { SMALL } from "../load/bodies.ts";
import { toClientFrames } from "../load/frames.ts";
import { openPassThrough, type PassThrough } from "../load/pass-through.ts";
import { connectPrism, type ConnectReal, loadPeerClients, type RealClient } from "../load/real-client.ts";
import { toSamples } from "../report/systems.ts";
import { label } from "../systems/labels.ts";
import { orpcSystems } from "../systems/orpc.ts";
import { prismSystems } from "../systems/prism.ts";
import { socketIo } from "../systems/socket-io.ts";
import type { System } from "../systems/system.ts";
import { trpcSystems } from "../systems/trpc.ts";

interface Subject {
  readonly system: System;
  readonly connect: ConnectReal;
}

/** Bytes a call. */
interface Bytes {
  readonly up: number;
  readonly down: number;
}

const INPUT = JSON.parse(SMALL) as { n: number };
/** Calls a second, and for how long, in ms: the slow one long enough for a heartbeat of whoever has one. */
const PACES = [
  { rate: 1, time: 30_000 },
  { rate: 100, time: 5_000 },
];
const IN_FLIGHT = 16;
const SATURATED = 2_000;
/** What is still to come when all is answered comes in so many ms: acknowledgements take up to a second. */
const REST = 1_500;

/** The bytes that a call costs on the network, with all that comes with it. */
export const workload: Workload = {
  id: "wire-bytes",
  async run(effort) {
    const { connectSocketIo, connectTrpc, connectOrpc } = await loadPeerClients();
    const subjects: readonly Subject[] = [
      { system: prismSystems(["node20"])[0]!, connect: connectPrism },
      { system: socketIo, connect: connectSocketIo },
      { system: trpcSystems[0]!, connect: connectTrpc },
      { system: orpcSystems[0]!, connect: connectOrpc },
    ];
    const columns = ["system", "one call alone", ...PACES.map(({ rate }) => `${rate}/s`), `${IN_FLIGHT} in flight`];
    const counted = await Promise.all(subjects.map((subject) => countAll(subject, effort)));
    subjects.forEach(({ system }, i) => checkGenerator(system, counted[i]![0]!));
    return {
      title: "Bytes on the wire",
      text:
        "A call of `echo` with `{ n: 1 }` and its result, each system with **its own client** on one connection, counted by a " +
        "pass-through between it and the server: everything that TCP carries once the connection is open, WebSocket headers and masks, " +
        "acknowledgements and heartbeats included, TCP's own headers not. Prism acknowledges both ways, within a second or after 64 " +
        "frames: so it weighs most at one call a second, and next to nothing where many calls share one. Peers' clients count their calls, and what they write grows by a byte " +
        "with each digit; Prism's take the smallest free id. The first column is also what the load generator of the other workloads " +
        "writes, which is checked here. In brackets: from the client + from the server.",
      tables: [
        {
          caption: "Bytes a call",
          columns,
          rows: subjects.map(({ system }, i) => [label(system), ...counted[i]!.map(toText)]),
          data: {
            what: "call",
            rate: "alone",
            bytes: toSamples(subjects.map(({ system }, i) => [label(system), counted[i]!.slice(0, 1).map(sum)])),
            ...Object.fromEntries(
              subjects.map(({ system }, i) => [
                label(system),
                Object.fromEntries(counted[i]!.map((bytes, at) => [columns[at + 1]!, sum(bytes)])),
              ]),
            ),
          },
        },
      ],
    };
  },
};

/**
 * The load generator of the other workloads has to ask as the clients do.
 *
 * @throws {Error} A call of a client's has another length
 */
function checkGenerator(system: System, { up }: Bytes): void {
  const written = toClientFrames(system.dialect.rpc!(SMALL)!.requests([0])).length;
  if (written !== up) throw new Error(`${label(system)}: the client asks in ${up} bytes, the generator in ${written}`);
}

function sum({ up, down }: Bytes): number {
  return up + down;
}

function toText({ up, down }: Bytes): string {
  const number = (value: number): string => (Number.isInteger(value) ? String(value) : value.toFixed(1));
  return `${number(up + down)} (${number(up)} + ${number(down)})`;
}

async function countAll({ system, connect }: Subject, { smoke }: Effort): Promise<Bytes[]> {
  const share = smoke ? 0.01 : 1;
  const server = await startServer(system);
  const passed = await openPassThrough(server.port);
  try {
    const rest = smoke ? 0 : REST;
    const counted = [await count(passed, connect, rest, 0, (client) => callSome(client, 1, 0))];
    for (const { rate, time } of PACES) {
      const calls = Math.max(2, (rate * time * share) / 1_000);
      counted.push(
        await count(passed, connect, rest, rest, (client) => callSome(client, calls, smoke ? 10 : 1_000 / rate)),
      );
    }
    counted.push(await count(passed, connect, rest, rest, (client) => saturate(client, SATURATED * share)));
    return counted;
  } finally {
    passed.close();
    await server.stop();
  }
}

/** Counts what goes by on a connection of its own that has been used before, with `rest` ms for what comes late. */
async function count(
  passed: PassThrough,
  connect: ConnectReal,
  rest: number,
  restAfterwards: number,
  call: (client: RealClient) => Promise<number>,
): Promise<Bytes> {
  const client = await connect(passed.port);
  await callOnce(client);
  await sleep(rest);
  const { up, down } = passed;
  const calls = await call(client);
  await sleep(restAfterwards);
  const bytes = { up: (passed.up - up) / calls, down: (passed.down - down) / calls };
  client.close();
  await sleep(50);
  return bytes;
}

async function callOnce(client: RealClient): Promise<void> {
  const answer = JSON.stringify(await client.call(INPUT));
  if (answer !== JSON.stringify(INPUT)) throw new Error(`Wrong reply ${answer}`);
}

async function callSome(client: RealClient, calls: number, every: number): Promise<number> {
  const began = performance.now();
  for (let i = 0; i < calls; i++) {
    await sleep(began + i * every - performance.now());
    await callOnce(client);
  }
  return calls;
}

async function saturate(client: RealClient, time: number): Promise<number> {
  const until = performance.now() + time;
  let calls = 0;
  const lane = async (): Promise<void> => {
    do {
      await callOnce(client);
      calls++;
    } while (performance.now() < until);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return calls;
}

function sleep(time: number): Promise<void> {
  return time > 0 ? new Promise((resolve) => setTimeout(resolve, time)) : Promise.resolve();
}
