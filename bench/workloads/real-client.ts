import type { RuntimeName } from "../../test/support/runtimes.ts";
import { inRounds, median, quantile, ratios } from "../harness/rounds.ts";
import type { Table, Workload } from "../harness/section.ts";
import { LOAD_CORE, startServer } from "../harness/server.ts";

interface Pair {
  readonly name: string;
  readonly runtime: RuntimeName;
  readonly server: string;
  readonly client: string;
}

const libraries = [
  { name: "Prism", server: "servers/adding.ts", client: "clients/prism.ts" },
  { name: "tRPC", server: "peers/adding-trpc.js", client: "peers/client-trpc.js" },
  { name: "Socket.IO", server: "peers/adding-socket-io.js", client: "peers/client-socket-io.js" },
] as const;
const platforms = [
  ["node20", "Node 20"],
  ["nodeCurrent", "Node 26"],
] as const;
const pairs: readonly Pair[] = platforms.flatMap(([runtime, platform]) =>
  libraries.map((library) => ({ ...library, runtime, name: `${library.name} · ${platform}` })),
);
const IN_FLIGHT = [1, 64] as const;

/** What one client had of one server. */
interface Had {
  /** Calls a second. */
  readonly rate: number;
  /** Time at work for each call, in ns: the server's, and the client's. */
  readonly server: number;
  readonly client: number;
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const format = (value: number): string => Math.round(value).toLocaleString("en");

async function measure({ runtime, ...pair }: Pair, inFlight: number, duration: number): Promise<Had> {
  const server = await startServer({ runtime, file: pair.server });
  try {
    const args = [String(server.port), String(inFlight)];
    const client = await startServer({ runtime, file: pair.client, args, core: LOAD_CORE });
    await wait(duration / 2);
    const read = async (): Promise<readonly number[]> => [
      await client.ask("calls"),
      performance.now(),
      await server.ask("cpu"),
      await client.ask("cpu"),
    ];
    const before = await read();
    await wait(duration);
    const [calls = 0, time = 0, ofServer = 0, ofClient = 0] = (await read()).map((value, i) => value - before[i]!);
    await client.stop();
    return { rate: (calls / time) * 1_000, server: ofServer / calls, client: ofClient / calls };
  } finally {
    await server.stop();
  }
}

/** What an app gets out of it: a library's own client and its own server. */
export const workload: Workload = {
  id: "real-client",
  async run({ rounds, duration }) {
    const tables: Table[] = [];
    for (const inFlight of IN_FLIGHT) {
      const samples = await inRounds(pairs, rounds, (pair) => measure(pair, inFlight, duration));
      const of = (pair: Pair, key: keyof Had): number[] => samples.get(pair)!.map((had) => had[key]);
      tables.push({
        caption: inFlight === 1 ? "One call under way" : `${inFlight} calls under way`,
        columns: [
          "",
          "calls a second",
          "from, to",
          "Prism beside it",
          "server's CPU, ns a call",
          "client's CPU, ns a call",
        ],
        rows: pairs.map((pair) => {
          const own = pairs.find(({ name, runtime }) => name.startsWith("Prism") && runtime === pair.runtime)!;
          const rates = of(pair, "rate");
          const beside = ratios(of(own, "rate"), rates);
          return [
            pair.name,
            format(median(rates)),
            `${format(quantile(rates, 0))} to ${format(quantile(rates, 1))}`,
            `${median(beside).toFixed(2)} (${quantile(beside, 0).toFixed(2)} to ${quantile(beside, 1).toFixed(2)})`,
            format(median(of(pair, "server"))),
            format(median(of(pair, "client"))),
          ];
        }),
        data: { x: pairs.map(({ name }) => name), y: pairs.map((pair) => median(of(pair, "rate"))) },
      });
    }
    return {
      title: "A real client at both ends",
      text:
        "`client.math.add({ a, b })`, awaited and checked, from each library's own client to its own server: one client, one " +
        "connection, both ends on the same runtime, each on a core of its own. All servers check the input with the same schema. " +
        "On Node 20 all clients stand on `ws`; on Node 26 Prism's and tRPC's take the platform's own WebSocket, as they do where nothing is " +
        "said, and Socket.IO's stays with `ws`.",
      tables,
    };
  },
};
