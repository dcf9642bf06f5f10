import { type Row, toRuntime } from "../verdict.ts";

const HOUR = 3_600_000;

const sizes = { short: { connections: 10, rounds: 1 }, long: { connections: 50, rounds: 5 } };

/** Row 20: the time of day jumps by an hour, forth and back, at both ends, while connections wait for a socket. */
export const row20: Row = {
  number: 20,
  title: "clock jumps",
  lineups: ["node20", "nodeCurrent", "bun", "deno"],
  // Both Nodes have the same adapter: a test run has one of them.
  tested: ["node20", "bun", "deno"],
  async run({ scene, lineup, size, verdict }) {
    const { connections, rounds } = sizes[size];
    const node = await scene.node(toRuntime(lineup), { name: "n" });
    const proxy = await scene.proxy({ target: node.port, seed: 20 });
    const reconnect = { min: 10, max: 100 };
    const load = await scene.load({ url: proxy.url, name: "c", connections, rate: 50, reconnect });
    const sessions = await load.ask("sessions");
    let resumed = 0;
    for (let round = 0; round < rounds; round++) {
      for (const ms of [HOUR, -2 * HOUR, HOUR]) {
        // While all is well, and while nobody has a socket.
        await Promise.all([node.jump(ms / 2), load.jump(ms / 2)]);
        await load.until("received", ">=", (await load.state()).received + connections * 10);
        proxy.refusing = true;
        proxy.cut();
        await node.until("suspended", "=", connections);
        await Promise.all([node.jump(ms / 2), load.jump(ms / 2)]);
        proxy.refusing = false;
        resumed += connections;
        const state = await load.until("resumed", ">=", resumed);
        verdict.same("resumed and reset", [state.resumed, state.reset], [resumed, 0]);
      }
    }
    verdict.same("sessions", await load.ask("sessions"), sessions);
    const report = await load.finish();
    verdict.whole(report.totals);
    const { errors, disconnected } = await node.state();
    verdict.same("errors", [...report.errors, ...errors], []);
    verdict.same("disconnected", disconnected, 0);
    verdict.cuts = proxy.counts.cut;
    verdict.outages = report.outages;
  },
};
