import { sum, type Totals } from "../ledger.ts";
import { type Row, type RowStage, toMiB, toRuntime } from "../verdict.ts";

/** A load, and how often it is cut. */
interface Part {
  /** Messages a second, each way on each connection; as many as there is room for, where it is 0. */
  readonly rate: number;
  /** Messages in all, each way on each connection. */
  readonly count: number;
  readonly cuts: number;
}

/** What the long version's run at a pace has at least: messages, each way, and cuts. */
const LEAST = { messages: 1_000_000, cuts: 300 };

// Flat out, what is sent comes in pieces so large that there are few to cut at; so most of the cuts come at a pace.
const sizes: Record<RowStage["size"], { readonly connections: number; readonly parts: readonly Part[] }> = {
  short: {
    connections: 40,
    parts: [
      { rate: 400, count: 800, cuts: 40 },
      { rate: 0, count: 2_000, cuts: 10 },
    ],
  },
  long: {
    connections: 100,
    parts: [
      { rate: 400, count: 10_000, cuts: 300 },
      { rate: 0, count: 2_000, cuts: 30 },
    ],
  },
};

/** Row 7: sockets are cut at random, mid-frame, while both directions are busy. */
export const row07: Row = {
  number: 7,
  title: "socket cut at random",
  lineups: ["node20", "nodeCurrent", "bun", "deno"],
  // Both Nodes have the same adapter: a test run has one of them.
  tested: ["node20", "bun", "deno"],
  async run(stage) {
    const { connections, parts } = sizes[stage.size];
    const totals: Totals[] = [];
    stage.verdict.cuts = 0;
    for (const part of parts) totals.push(await cutThrough(stage, connections, part));
    stage.verdict.whole(sum(totals));
  },
};

async function cutThrough(stage: RowStage, connections: number, { rate, count, cuts }: Part): Promise<Totals> {
  const { scene, lineup, verdict } = stage;
  const node = await scene.node(toRuntime(lineup), { name: "n" });
  const proxy = await scene.proxy({ target: node.port, seed: 7 });
  const reconnect = { min: 10, max: 100 };
  const load = await scene.load({ url: proxy.url, name: "c", connections, count, rate, reconnect });
  const before = await node.memory();

  // As many cuts as there are steps on the way, all of them before the end, so that each hits traffic.
  const all = connections * count;
  for (let i = 1; i <= cuts; i++) {
    await load.until("received", ">=", Math.floor((all * i) / (cuts * 1.25)));
    proxy.cutMidway();
  }
  const state = await load.until("done", "=", connections, 60_000);
  verdict.same("connections that have sent and received all", state.done, connections);
  const report = await load.finish();
  const after = await node.memory();

  const pace = rate > 0 ? "at a pace" : "flat out";
  verdict.same(`sent ${pace}, up and down`, [report.sent, report.totals.sent - report.sent], [all, all]);
  if (stage.size === "long" && rate > 0) {
    verdict.must(
      report.sent >= LEAST.messages && report.totals.sent - report.sent >= LEAST.messages,
      "too few messages",
    );
    verdict.must(proxy.counts.midway >= LEAST.cuts, `too few cuts: ${proxy.counts.midway}`);
  }
  verdict.same(`cuts ${pace}, in the middle of a piece`, proxy.counts.midway, cuts);
  verdict.same(`resets ${pace}`, report.reset, 0);
  verdict.same(`errors ${pace}`, [...report.errors, ...(await node.state()).errors], []);
  verdict.cuts! += proxy.counts.midway;
  // Flat out, it is the load's own backlog that whoever comes back has to wait for.
  if (rate > 0) verdict.outages = report.outages;
  verdict.memory = `${toMiB(before.heap)} to ${toMiB(after.heap)}`;
  verdict.notes.push(
    `${pace}: ${all.toLocaleString("en")} each way, ${proxy.counts.midway} cuts, ` +
      `${Math.round((2 * all) / report.seconds).toLocaleString("en")} messages a second, ` +
      `${report.outages.length} outages of up to ${report.outages.at(-1) ?? 0} ms, ${report.failed} attempts failed`,
  );
  load.signal("SIGKILL");
  return report.totals;
}
