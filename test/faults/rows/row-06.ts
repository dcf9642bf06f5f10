import { type Row, toRuntime } from "../verdict.ts";

const HEARTBEAT = 500;
/** The server's, and what a client has (`defaultLimits.patience`), in ms. */
const PATIENCE = { server: 500, client: 10_000 };
/** What timers, turns and the network may take on top, in ms. */
const SLACK = 500;

const sizes = { short: { connections: 10, rounds: 1 }, long: { connections: 100, rounds: 5 } };

const wall = (): number => performance.timeOrigin + performance.now();

/**
 * Row 6: half-open TCP. Nothing comes through any more, and nobody hears of an end. The server suspends the connection; the
 * client, for which its socket may still be the best that there is, opens another.
 */
export const row06: Row = {
  number: 6,
  title: "half-open TCP",
  lineups: ["node20", "nodeCurrent", "bun", "deno"],
  waits: true,
  async run({ scene, lineup, size, verdict }) {
    const { connections, rounds } = sizes[size];
    const limits = { heartbeat: HEARTBEAT, patience: PATIENCE.server };
    const node = await scene.node(toRuntime(lineup), { name: "n", limits });
    const proxy = await scene.proxy({ target: node.port, seed: 6 });
    const load = await scene.load({ url: proxy.url, name: "c", connections, rate: 20 });
    verdict.detection = 0;
    for (let round = 1; round <= rounds; round++) {
      await load.until("received", ">=", connections * 20 * round);
      await node.events();
      proxy.arrivals.length = 0;
      const began = wall();
      // Those of earlier rounds are dead, and nobody can tell the proxy.
      verdict.same("stalled", proxy.stall(), connections * round);
      const { resumed } = await node.until("resumed", ">=", connections * round);
      verdict.same("resumed", resumed, connections * round);

      const suspended = {
        server: (await node.events()).filter(({ name }) => name === "suspend").map(({ at }) => at - began),
        client: proxy.arrivals.splice(0).map((at) => at - began),
      };
      for (const end of ["server", "client"] as const) {
        const all = suspended[end];
        verdict.same(`those that the ${end} found out about`, all.length, connections);
        verdict.most(`ms until the ${end} found out`, Math.max(...all), HEARTBEAT + PATIENCE[end] + SLACK);
        verdict.notes.push(`${end} found out in ${Math.round(Math.max(...all))} ms`);
        verdict.detection = Math.max(verdict.detection, ...all);
      }
    }
    const report = await load.finish();
    verdict.whole(report.totals);
    verdict.same("resets", report.reset, 0);
    verdict.same("errors", [...report.errors, ...(await node.state()).errors], []);
    verdict.outages = report.outages;
  },
};
