import { expectWhole, noteChannels } from "../channel-verdict.ts";
import { Cluster } from "../cluster.ts";
import { sum } from "../ledger.ts";
import type { Speech } from "../speaker.ts";
import type { Row, RowStage } from "../verdict.ts";

const sizes = {
  short: { listeners: 12, seeds: 1, seconds: 2, rate: 40 },
  long: { listeners: 20, seeds: 6, seconds: 15, rate: 40 },
};

const channels = ["kept/0", "kept/1", "plain/0", "plain/1"];

/** How much of what the broker brings comes twice, and how much late; how late at most, in ms: less than is waited for. */
const faults = { duplicate: 0.1, reorder: 0.1, late: 40 };

/** Row 4: the broker brings a tenth twice and a tenth late, on each node. */
export const row04: Row = {
  number: 4,
  title: "broker duplicates and reorders",
  lineups: ["mixed", "node20", "nodeCurrent", "bun", "deno"],
  tested: ["mixed"],
  async run(stage) {
    const { seeds } = sizes[stage.size];
    for (let seed = 1; seed <= seeds; seed++) await play(stage, seed * 100);
  },
};

async function play({ scene, lineup, size, verdict }: RowStage, seed: number): Promise<void> {
  const { listeners, seconds, rate } = sizes[size];
  const cluster = await Cluster.start(scene, lineup, { shim: { seed, faults } });
  const speeches = channels.flatMap((channel): Speech[] => [
    { channel, rate, by: "publish" },
    { channel, rate, by: "post" },
  ]);
  const audience = await scene.audience({ url: cluster.url, name: "c", listeners, channels, speeches });
  for (const node of cluster.nodes) for (const channel of channels) await node.produce(channel, rate);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  const report = await audience.finish(await cluster.hush());

  const before = verdict.totals;
  expectWhole(verdict, report);
  verdict.totals = sum([before, verdict.totals]);
  const states = await Promise.all(cluster.nodes.map((node) => node.state()));
  const [twice, late] = [sumOf(states.map((state) => state.twice)), sumOf(states.map((state) => state.late))];
  verdict.must(twice > 100 && late > 100, `the broker has brought ${twice} twice and ${late} late`);
  verdict.same("gaps told with history", report.kept.missed, 0);
  verdict.same("reset, closed, ended", [report.reset, report.closed, report.ended], [0, 0, 0]);
  verdict.same("publications that failed", report.codes, {});
  verdict.same("errors", [...report.errors, ...(await cluster.complaints())], []);
  noteChannels(verdict, report);
  verdict.notes.push(`seed ${seed}: ${twice} brought twice, ${late} late`);
  audience.signal("SIGKILL");
  for (const node of cluster.nodes) node.signal("SIGKILL");
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
