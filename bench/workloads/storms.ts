import { Crowd } from "../crowd/crowd.ts";
import { bare, prism } from "../crowd/dialect.ts";
import { type CrowdSystem, startCrowdServer, systems as all } from "../crowd/systems.ts";
import { inRounds, median, quantile } from "../harness/rounds.ts";
import type { Table, Workload } from "../harness/section.ts";
import { LOAD_CORE, type Server, startServer } from "../harness/server.ts";

const systems: readonly CrowdSystem[] = [
  all.prismNode20,
  all.prismNode26,
  all.prismBun,
  all.prismDeno,
  all.wsNode20,
  all.plainBun,
  all.plainDeno,
  all.recoveringSocketIo,
];
/** How many are on their way in at once: fewer than a server's kernel lets wait, which would have the others try later. */
const TOGETHER = 256;
/** Turns of each system at most. */
const ROUNDS = 3;
/** How long a server has to notice that sockets are gone, in ms. */
const NOTICED = 1_000;

/** What one storm did. */
interface Storm {
  /** Until all are in, in ms. */
  readonly time: number;
  /** The server's time for each, in ms. */
  readonly cpu: number;
  /** The generator's time for each, in ms. */
  readonly load: number;
  /** How long the answer to somebody who was there before took at most, in ms. */
  readonly stall: number;
}

interface Storms {
  readonly first: Storm;
  /** When all of them have lost their sockets, and come back. */
  readonly again: Storm;
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function brew(bystander: Server, come: () => Promise<void>): Promise<Omit<Storm, "cpu" | "load">> {
  await bystander.ask("longest");
  const began = performance.now();
  await come();
  const time = performance.now() - began;
  return { time, stall: (await bystander.ask("longest")) / 1_000 };
}

async function measure(system: CrowdSystem, size: number, noticed: number): Promise<Storms> {
  const { dialect } = system;
  const server = await startCrowdServer(system, false);
  const name = dialect === bare ? "bare" : dialect === prism ? "prism" : "socketIo";
  const args = [String(server.port), name];
  const bystander = await startServer({ runtime: "node20", file: "crowd/bystander.ts", args, core: LOAD_CORE });
  const crowd = new Crowd(server.port, dialect, false);
  const back = new Crowd(server.port, dialect, false);
  try {
    // A server that has never been at work compiles all of it in the storm.
    const warm = new Crowd(server.port, dialect, false);
    await warm.grow(size / 5);
    warm.close();
    await wait(noticed);
    const storm = async (come: () => Promise<void>): Promise<Storm> => {
      const [cpu, load] = [server.cpu(), process.cpuUsage()];
      const { time, stall } = await brew(bystander, come);
      const { user, system } = process.cpuUsage(load);
      return { time, stall, cpu: (server.cpu() - cpu) / size, load: (user + system) / 1_000 / size };
    };
    const first = await storm(() => crowd.grow(size, TOGETHER));
    await wait(noticed);
    const claims = crowd.claims();
    crowd.close();
    await wait(noticed);
    const again = await storm(() => back.grow(size, TOGETHER, claims));
    for (const [i, { opening }] of back.clients.entries()) {
      if (dialect.isBack?.(crowd.clients[i]!.opening, opening) === false) throw new Error(`Not back: ${opening}`);
    }
    return { first, again };
  } finally {
    back.close();
    await bystander.stop();
    await server.stop();
  }
}

/** Thousands who come at once, and come back at once. */
export const workload: Workload = {
  id: "storms",
  async run({ rounds, smoke }) {
    const size = smoke ? 50 : 5_000;
    const samples = await inRounds(systems, Math.min(rounds, ROUNDS), (system) =>
      measure(system, size, smoke ? NOTICED / 10 : NOTICED),
    );
    const table = (caption: string, kind: keyof Storms): Table => {
      const of = (system: CrowdSystem, key: keyof Storm): number[] =>
        samples.get(system)!.map((round) => round[kind][key]);
      const show = (values: readonly number[], digits: number): string =>
        `${median(values).toFixed(digits)} (${quantile(values, 0).toFixed(digits)} to ${quantile(values, 1).toFixed(digits)})`;
      return {
        caption,
        columns: ["", "until all are in, ms", "CPU for each, ms", "generator's, ms", "a bystander's longest wait, ms"],
        rows: systems.map((system) => [
          system.name,
          show(of(system, "time"), 0),
          show(of(system, "cpu"), 2),
          median(of(system, "load")).toFixed(2),
          show(of(system, "stall"), 1),
        ]),
        data: { x: systems.map(({ name }) => name), y: systems.map((system) => median(of(system, "time"))) },
      };
    };
    return {
      title: "Storms",
      text:
        `${size.toLocaleString("en")} clients come as fast as they are let in, ${TOGETHER} of them on their way at once; then all of their sockets are ` +
        "cut, and they come back as fast. With Prism and Socket.IO they come back as who they were, with their token or their session's id and offset, " +
        "and all of them are checked for it; with a bare platform they are new. Each server has let a fifth as many in and out before. A client is in when it " +
        "is welcomed: Socket.IO's needs an answer of its own for it, and one event more to be recovered later. A bystander in another process calls " +
        "every few milliseconds all the while; what it waited at most includes its share of the generator's core. Where the generator's " +
        "time for each is more than the server's, the server could let in more.",
      tables: [
        table(`${size.toLocaleString("en")} come`, "first"),
        table(`${size.toLocaleString("en")} come back`, "again"),
      ],
    };
  },
};
