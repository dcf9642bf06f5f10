import { Cluster } from "../cluster.ts";
import type { Speech } from "../speaker.ts";
import type { Row } from "../verdict.ts";
import { expectWhole, noteChannels } from "../channel-verdict.ts";

const sizes = {
  short: { listeners: 12, rounds: 1, rate: 20 },
  long: { listeners: 50, rounds: 10, rate: 10 },
};

const channels = ["kept/0", "kept/1", "plain/0", "plain/1"];

/** After how long members of a node that was killed are gone, in ms: and two fifths more. */
const LEASE = 2_000;
/** How long calls take that are under way when a node is killed, in ms. */
const CALL = 600;

/** Row 1: nodes are killed in turn while all is busy, and others started in their place. */
export const row01: Row = {
  number: 1,
  title: "server killed under load",
  lineups: ["mixed", "node20", "nodeCurrent", "bun", "deno"],
  tested: ["mixed"],
  async run({ scene, lineup, size, verdict }) {
    const { listeners, rounds, rate } = sizes[size];
    const cluster = await Cluster.start(scene, lineup, { broker: { lease: LEASE } });
    const speeches = channels.flatMap((channel): Speech[] => [
      { channel, rate, by: "publish" },
      { channel, rate, by: "post" },
    ]);
    const audience = await scene.audience({ url: cluster.url, name: "c", listeners, channels, speeches });
    const all = listeners + speeches.length;
    const produce = async (place: number): Promise<void> => {
      for (const channel of ["kept/0", "plain/0"]) await cluster.nodes[place]!.produce(channel, rate);
    };
    await Promise.all(cluster.nodes.map((_, place) => produce(place)));

    let resets = 0;
    let lost = 0;
    for (let round = 0; round < rounds; round++) {
      for (const place of cluster.nodes.keys()) {
        // Half a second of everything.
        await audience.hear(listeners * rate * 5);
        const { connections } = await cluster.nodes[place]!.state();
        verdict.must(connections > 0, "nobody was on a node that was killed");
        resets += connections;
        const calls = audience.slow(CALL);
        // Behind them on every connection: they are under way.
        await audience.hear(listeners * rate);
        await cluster.kill(place);
        const [answers] = await Promise.all([calls, cluster.start(place)]);
        const failed = answers.filter((one) => !/^n\d+$/.test(one));
        verdict.same(
          "calls that failed when a node was killed",
          failed,
          Array.from({ length: connections }, () => "lost"),
        );
        lost += failed.length;
        await produce(place);
        const { open } = await audience.until("open", "=", all);
        verdict.same("open after a node was killed", open, all);
      }
    }
    await audience.hear(listeners * rate * 5);
    const report = await audience.finish(await cluster.hush());

    expectWhole(verdict, report);
    verdict.same("reset, closed, ended", [report.reset, report.closed, report.ended], [resets, 0, 0]);
    verdict.must(report.recovered > 0, "no subscription was recovered from the history");
    verdict.must(report.gaps > 0, "no gap was told, though there is no history");
    verdict.same("errors", [...report.errors, ...(await cluster.complaints())], []);
    // Who was on a node that is gone is on another by now: once.
    const names = await audience.names();
    for (const node of cluster.nodes) {
      const deadline = performance.now() + 5 * LEASE;
      let members = await node.members("0");
      while (String(members) !== String(names) && performance.now() < deadline) members = await node.members("0");
      verdict.same("who is there", members, names);
    }
    verdict.cuts = rounds * cluster.nodes.length;
    verdict.outages = report.outages;
    noteChannels(verdict, report);
    verdict.notes.push(`${resets} resets, ${lost} calls lost, ${report.published} published by clients`);
  },
};
