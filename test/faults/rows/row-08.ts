import { reconcile } from "../ledger.ts";
import { type Row, type RowStage, toRuntime } from "../verdict.ts";

/** Found out after `heartbeat` and `patience`; then the connection waits for `resumeWithin`; all in ms. */
const limits = { heartbeat: 300, patience: 300, resumeWithin: 2_000 };

/** For naps: longer than a client waits between attempts, whose bound grows when it is cut off again within 5 s. */
const napLimits = { ...limits, resumeWithin: 15_000 };

const sizes = { short: { connections: 10, naps: 1 }, long: { connections: 100, naps: 10 } };

/** Row 8: the client sleeps, within the window and past it. A silent gap is what must never be. */
export const row08: Row = {
  number: 8,
  title: "client asleep",
  lineups: ["node20", "nodeCurrent", "bun", "deno"],
  waits: true,
  async run(stage) {
    await napWithin(stage);
    await sleepPast(stage);
  },
};

async function napWithin({ scene, lineup, size, verdict }: RowStage): Promise<void> {
  const { connections, naps } = sizes[size];
  const node = await scene.node(toRuntime(lineup), { name: "n", limits: napLimits });
  const load = await scene.load({ url: node.url, name: "c", connections, rate: 20 });
  for (let nap = 1; nap <= naps; nap++) {
    await load.until("received", ">=", connections * 20 * nap);
    load.signal("SIGSTOP");
    const { suspended } = await node.until("suspended", "=", connections);
    verdict.same("suspended while it napped", suspended, connections);
    load.signal("SIGCONT");
    await load.until("resumed", ">=", connections * nap);
    const awake = await node.until("suspended", "=", 0);
    verdict.same("suspended when it woke", awake.suspended, 0);
  }
  const report = await load.finish();
  verdict.whole(report.totals);
  verdict.same("resumed and reset after naps", [report.resumed, report.reset], [connections * naps, 0]);
  verdict.same("errors", [...report.errors, ...(await node.state()).errors], []);
  verdict.outages = report.outages;
  load.signal("SIGKILL");
}

async function sleepPast({ scene, lineup, size, verdict }: RowStage): Promise<void> {
  const { connections } = sizes[size];
  const node = await scene.node(toRuntime(lineup), { name: "n", limits });
  const load = await scene.load({ url: node.url, name: "s", connections, rate: 20 });
  await load.until("received", ">=", connections * 20);
  load.signal("SIGSTOP");
  const gone = await node.until("disconnected", "=", connections);
  verdict.same(
    "given up while it slept",
    [gone.disconnected, gone.reset, gone.connections],
    [connections, connections, 0],
  );
  load.signal("SIGCONT");
  const awake = await load.until("reset", "=", connections);
  verdict.same("resumed and reset after a long sleep", [awake.resumed, awake.reset], [0, connections]);
  await load.until("received", ">=", awake.received + connections * 20);
  const report = await load.finish();
  const told = reconcile([report.told, await node.page()]);
  // What was lost was lost at a reset, and nothing else is wrong, before it or after.
  verdict.must(told.lost > 0, "nothing was lost by a client that slept for longer than its connection lived");
  verdict.same("twice, out of order, unsent before the reset", [told.twice, told.outOfOrder, told.unsent], [0, 0, 0]);
  const { lost, twice, outOfOrder, unsent } = report.totals;
  verdict.same("lost, twice, out of order, unsent after it", [lost, twice, outOfOrder, unsent], [0, 0, 0, 0]);
  verdict.same("errors", [...report.errors, ...(await node.state()).errors], []);
  verdict.notes.push(`${told.lost} of ${told.sent} messages lost at a reset that was told`);
}
