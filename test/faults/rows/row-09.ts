import { call, text } from "../../hostile/enemy.ts";
import type { RuntimeName } from "../../support/runtimes.ts";
import { come as open, type Raw } from "../raw.ts";
import type { Scene } from "../scene.ts";
import type { Order } from "../server/ledger-service.ts";
import { type Row, toMiB, toRuntime } from "../verdict.ts";

const SEND_LIMIT = 1_048_576;
const REPLAY_LIMIT = 262_144;

const sizes = { short: { sockets: 25 }, long: { sockets: 200 } };

/** What a careless service sends to each: many times what a kernel holds and the limits let wait. */
const flood = { messages: 1_000, size: 16_384 };

/** What a runtime takes on top while it is busy, in bytes. */
const SLACK = 128 * 1_048_576;

/** Has a careless service flood somebody who does not read, or has one asked for more than that be in its place. */
async function come(scene: Scene, port: number, order: Partial<Order>): Promise<Raw> {
  const raw = await open(port);
  scene.after(async () => raw.tcp.destroy());
  const number = raw.welcome.services!["ledger"]![0];
  raw.tcp.pause();
  raw.send(text(`${call(number, 0)}${JSON.stringify({ life: "raw", rate: 0, count: 0, ...order })}`));
  return raw;
}

/** The p99 of somebody at a bare server while as many are flooded there, in ms: the work of the flood itself, that is. */
async function control(scene: Scene, runtime: RuntimeName, sockets: number): Promise<number> {
  const bare = await scene.bare(runtime);
  const bystander = await scene.bystander(bare.url);
  await bystander.report();
  await Promise.all(Array.from({ length: sockets }, () => come(scene, bare.port, { flood })));
  await bare.until("disconnected", ">=", sockets, 20_000);
  const { p99 } = await bystander.report();
  bare.signal("SIGKILL");
  return p99;
}

/**
 * Row 9: sockets that do not read, before a producer that waits for room and before one that does not. To write many
 * megabytes keeps any server busy: so the same flood comes over a bare one, too.
 */
export const row09: Row = {
  number: 9,
  title: "slow consumer",
  lineups: ["node20", "nodeCurrent", "bun", "deno"],
  // Both Nodes have the same adapter: a test run has one of them.
  tested: ["node20", "bun", "deno"],
  async run({ scene, lineup, size, verdict }) {
    const { sockets } = sizes[size];
    const limits = { sendLimit: SEND_LIMIT, replayLimit: REPLAY_LIMIT };
    const bare = await control(scene, toRuntime(lineup), sockets);
    const node = await scene.node(toRuntime(lineup), { name: "n", limits, codes: true });
    const bystander = await scene.bystander(node.url);
    const load = await scene.load({ url: node.url, name: "c", connections: 5, rate: 20 });
    const before = await node.memory();
    await node.ask("peak");
    // Without what it takes to start a process.
    await bystander.report();
    await load.until("received", ">=", 5 * 20);
    const quiet = await bystander.report();

    const places = Array.from({ length: sockets }, (_, place) => place);
    // Their producer has all the messages in the world, and waits for room.
    await Promise.all(places.map((place) => come(scene, node.port, { life: `raw${place}` })));
    const flooded = await Promise.all(places.map(() => come(scene, node.port, { flood })));

    const { disconnected, codes } = await node.until("disconnected", ">=", sockets, 20_000);
    const peak = await node.ask<number>("peak");
    verdict.same("closed, and with which codes", [disconnected, codes], [sockets, { 4002: sockets }]);
    const bound = sockets * (2 * SEND_LIMIT + 2 * REPLAY_LIMIT) + SLACK;
    verdict.most("bytes of memory at most, over what it was before", peak - before.rss, bound);
    // Who was only held back is there still.
    const state = await node.state();
    verdict.same("connections that are left", state.connections, sockets + 5 + 1);
    // Those who read in the end see why, as far as their platform still tells.
    const seen = await Promise.all(flooded.map(({ tcp, closed }) => (tcp.resume(), closed)));
    verdict.notes.push(`who read in the end saw ${[...new Set(seen)].join(", ")}`);

    const busy = await bystander.report();
    verdict.same("what befell the bystander", busy.events, []);
    verdict.most("the bystander's p99", busy.p99, Math.max(2 * quiet.p99, 20, 2 * bare));
    const report = await load.finish();
    verdict.whole(report.totals);
    verdict.same("errors", [...report.errors, ...state.errors], []);
    const after = await node.memory();
    verdict.most("bytes of heap that are left", after.heap - before.heap, sockets * 2 * REPLAY_LIMIT + 8_388_608);
    verdict.memory = `${toMiB(before.rss)}, peak ${toMiB(peak)}`;
    verdict.notes.push(
      `heap ${toMiB(before.heap)} to ${toMiB(after.heap)}; bystander p99 ${quiet.p99} to ${busy.p99} ms, bare ${bare} ms`,
    );
  },
};
