import { Crowd } from "../crowd/crowd.ts";
import { type CrowdSystem, startCrowdServer, systems as all } from "../crowd/systems.ts";
import { inRounds, median, quantile, ratios } from "../harness/rounds.ts";
import type { Workload } from "../harness/section.ts";
import { toSamples } from "../report/systems.ts";

/** Each system beside the platform that it stands on. */
const pairs: readonly (readonly [CrowdSystem, beside: CrowdSystem])[] = [
  [all.wsNode20, all.wsNode20],
  [all.prismNode20, all.wsNode20],
  [all.socketIoNode20, all.wsNode20],
  [all.wsNode26, all.wsNode26],
  [all.prismNode26, all.wsNode26],
  [all.plainBun, all.plainBun],
  [all.prismBun, all.plainBun],
  [all.plainDeno, all.plainDeno],
  [all.prismDeno, all.plainDeno],
];
const ROUNDS = 5;

/** Bytes for each connection. */
interface Weight {
  /** On the heap, after forced collection. */
  readonly heap: number;
  /** In memory, as the system counts it. */
  readonly rss: number;
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const format = (value: number): string => Math.round(value).toLocaleString("en");

async function weigh(system: CrowdSystem, connections: number, warm: number, settled: number): Promise<Weight> {
  const server = await startCrowdServer(system, false);
  const crowd = new Crowd(server.port, system.dialect, false);
  try {
    // What is compiled and made once is not the connections'.
    await crowd.grow(warm);
    await wait(settled);
    const [heap, rss] = [await server.ask("heap"), server.rss()];
    await crowd.grow(warm + connections);
    await wait(settled);
    return { heap: ((await server.ask("heap")) - heap) / connections, rss: (server.rss() - rss) / connections };
  } finally {
    crowd.close();
    await server.stop();
  }
}

/** What a connection holds of which nothing is heard. */
export const workload: Workload = {
  id: "idle-memory",
  async run({ smoke }) {
    const [connections, warm, settled] = smoke ? [100, 10, 50] : [10_000, 500, 1_000];
    const systems = pairs.map(([system]) => system);
    const samples = await inRounds(systems, smoke ? 1 : ROUNDS, (system) => weigh(system, connections, warm, settled));
    const of = (system: CrowdSystem, key: keyof Weight): number[] => samples.get(system)!.map((round) => round[key]);
    const show = (values: readonly number[], write: (value: number) => string): string =>
      `${write(median(values))} (${write(quantile(values, 0))} to ${write(quantile(values, 1))})`;
    return {
      title: "Memory of idle connections",
      text:
        `${format(connections)} connections of which nothing is heard, after ${format(warm)} others; bytes for each, the median of ${smoke ? 1 : ROUNDS} ` +
        "servers of each system with the least and the most. *Heap* is what the runtime says after forced collection: that of the program, without " +
        "what the runtime holds natively for a socket, which on Bun and Deno is most of it. *RSS* is what the system counts, with all of that and with room " +
        "that a collector has not given back. Prism's connections have a session each and can be resumed, and there are an rpc and a pubsub service; " +
        "Socket.IO's have joined one room, and their upgrade requests are let go, as its documentation advises. The ratios are to the bare " +
        "platform in the same round.",
      tables: [
        {
          caption: `Bytes for each of ${format(connections)} idle connections`,
          columns: ["", "heap", "beside the platform", "RSS", "beside the platform"],
          rows: pairs.map(([system, beside]) => [
            system.name,
            show(of(system, "heap"), format),
            show(ratios(of(system, "heap"), of(beside, "heap")), (ratio) => ratio.toFixed(2)),
            show(of(system, "rss"), format),
            show(ratios(of(system, "rss"), of(beside, "rss")), (ratio) => ratio.toFixed(2)),
          ]),
          data: {
            // A smoke run stands for the whole one.
            connections: 10_000,
            bytes: toSamples(systems.map((system) => [system.name, of(system, "heap")])),
            resident: toSamples(systems.map((system) => [system.name, of(system, "rss")])),
            x: systems.map(({ name }) => name),
            y: systems.map((system) => median(of(system, "heap"))),
            rss: systems.map((system) => median(of(system, "rss"))),
          },
        },
      ],
    };
  },
};
