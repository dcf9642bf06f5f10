import { writeNumber } from "../../../src/wire/numbers.ts";
import { Cluster } from "../cluster.ts";
import { type Ends, Flooder, writeSubscription } from "../flood.ts";
import type { Hall } from "../halls.ts";
import { PATIENCE } from "../actor.ts";
import type { Streams } from "../audience.ts";
import { judge } from "../channel-ledger.ts";
import { Listener, type Lobby, toTally } from "../listener.ts";
import { RATE } from "../server/halls/app.ts";
import { type Row, type RowStage, toMiB } from "../verdict.ts";

const sizes = {
  short: { names: 2_000, long: 100, pairs: 1_000, pages: 400, publications: 4_000 },
  long: { names: 50_000, long: 5_000, pairs: 50_000, pages: 512, publications: 200_000 },
};

/** How many channels a connection may be subscribed to, and how many streams it may have. */
const [SUBSCRIPTIONS, STREAMS] = [1_024, 256];
/** What a flood may leave, and what it may take meanwhile, in bytes. */
const [LEFT, TAKEN] = [16 * 1_048_576, 256 * 1_048_576];
/**
 * The most that the bystander's p99 may be, in ms: or twice what it was. What is within the limits is served like all else, five
 * hundred calls at a time: who is beside that waits for a turn of it. In a test run others use the machine as well.
 */
const P99 = { short: 1_000, long: 100 };

/** Row 16, of channels: one connection that asks for all of them, and for all of it again. */
export const row16: Row = {
  number: 16,
  title: "floods of subscriptions",
  lineups: ["mixed", "node20", "nodeCurrent", "bun", "deno"],
  tested: ["mixed"],
  async run(stage) {
    const { scene, lineup, verdict } = stage;
    const cluster = await Cluster.start(scene, lineup);
    // Of several that are the same, one.
    const nodes = lineup === "mixed" ? cluster.nodes : cluster.nodes.slice(0, 1);
    for (const node of nodes) await flood(stage, node);
    verdict.same("errors", await cluster.complaints(), []);
  },
};

async function flood({ scene, size, verdict }: RowStage, node: Hall): Promise<void> {
  const { names, long, pairs, pages, publications } = sizes[size];
  const who = node.process.name;
  const same = (what: string, ends: Ends, expected: Readonly<Record<string, number>>): void =>
    verdict.same(`${who}: ${what}`, Object.fromEntries([...ends].toSorted(([a], [b]) => a.localeCompare(b))), expected);
  const bystander = await scene.bystander(node.url);
  const lobby: Lobby = { tally: toTally(), errors: [], outages: [], poke: () => {} };
  const peaceful = new Listener(node.url, "peaceful", lobby);
  await peaceful.subscribe(["kept/b", "plain/b"]);
  await node.burst("kept/h", 200, 1_000);
  for (const { channel } of peaceful.hearings) await node.produce(channel, 20);
  await bystander.report();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const quiet = await bystander.report();
  const before = await node.memory();
  const { subscriptions } = await node.state();
  await Promise.all([node.ask("peak"), node.stall()]);

  const flooder = await Flooder.enter(node.port, "flooder");
  const busy = names - SUBSCRIPTIONS;
  const many = await flooder.ask(names, (n) => writeSubscription(n, `plain/n${n}`));
  same("names without end", many, { busy, ok: SUBSCRIPTIONS });
  same("that are given up", await flooder.ask(names, (n) => `-${writeNumber(n)}`), { ok: names });
  const lengthy = await flooder.ask(long, (n) => writeSubscription(n, `plain/${"n".repeat(300 + n * 25)}`));
  same("long names", lengthy, { bad_input: long });
  const strange = await flooder.ask(long, (n) => writeSubscription(n, `nowhere/${n}`));
  same("names that there are not", strange, { not_found: long });
  const storm = await flooder.ask(2 * pairs, (n) => {
    const number = (n >> 1) % SUBSCRIPTIONS;
    return n % 2 === 0 ? writeSubscription(number, `kept/s${number % 8}`) : `-${writeNumber(number)}`;
  });
  // One that ends before it has begun says so.
  const [ok = 0, cancelled = 0, closed = 0] = ["ok", "cancelled", "closed"].map((end) => storm.get(end));
  verdict.must(
    ok >= pairs && ok + cancelled + closed === 2 * pairs,
    `${who}: subscribed and unsubscribed: ${JSON.stringify([...storm])}`,
  );
  const published = await flooder.ask(publications, (n) => `>plain/f "${"x".repeat(500)}${n}"`);
  same("publications without end", published, { ok: publications });
  const { refused, hanging } = await flooder.hang(pages, () => `?kept/h {"limit":200}`);
  same("pages of the past that nobody takes", refused, { busy: pages - STREAMS });
  verdict.same(`${who}: those that wait`, hanging, STREAMS);
  const gone = await node.until("subscriptions", "=", subscriptions);
  verdict.same(`${who}: subscriptions that are left`, gone.subscriptions - subscriptions, 0);

  const limited = await Flooder.enter(node.port, "limited");
  const began = performance.now();
  const slowed = await limited.ask(1_000, (n) => `>plain/f ${n % 2 === 0 ? '"x"' : '"y"'}`);
  const most = RATE.burst + 1 + ((performance.now() - began) / 1_000) * RATE.rate;
  const passed = slowed.get("ok") ?? 0;
  verdict.must(passed >= RATE.burst && passed <= most, `${who}: ${passed} of 1,000 went past the limit`);
  same("those beyond the limit", new Map([...slowed].filter(([end]) => end !== "ok")), {
    rate_limited: 1_000 - passed,
  });

  const loud = await bystander.report();
  const [peak, stall] = await Promise.all([node.ask<number>("peak"), node.stall()]);
  await Promise.all([flooder.end(), limited.end()]);
  verdict.same(`${who}: what befell the bystander`, loud.events, []);
  verdict.most(`${who}: the bystander's p99`, loud.p99, Math.max(2 * quiet.p99, P99[size]));
  const streams = await node.hush();
  await arrived(peaceful, streams);
  const { lost, missed, twice, outOfOrder } = judge(new Map(Object.entries(streams)), peaceful.hearings);
  verdict.same(
    `${who}: lost, missed, twice, out of order of what others heard`,
    [lost, missed, twice, outOfOrder],
    [0, 0, 0, 0],
  );
  verdict.same(`${who}: what befell the others`, [lobby.tally.reset, lobby.tally.gaps, lobby.errors], [0, 0, []]);
  peaceful.client.close();
  await node.until("connections", "=", 1);
  const after = await node.memory();
  verdict.most(`${who}: bytes of memory at most, over what it was`, peak - before.rss, TAKEN);
  verdict.most(`${who}: bytes of heap that are left`, after.heap - before.heap, LEFT);
  verdict.notes.push(
    `${who}: heap ${toMiB(before.heap)} to ${toMiB(after.heap)}, memory ${toMiB(before.rss)} to ${toMiB(peak)} at most; ` +
      `bystander p99 ${quiet.p99} to ${loud.p99} ms, stall ${stall} ms`,
  );
  bystander.stop();
}

/** Resolves when somebody has heard all that was published, or not for too long. */
async function arrived({ hearings }: Listener, streams: Streams): Promise<void> {
  const all = Object.entries(streams);
  const has = (): boolean =>
    hearings.every((one) =>
      all.every(([name, { channel, acknowledged }]) => channel !== one.channel || one.has(name, acknowledged)),
    );
  const deadline = performance.now() + PATIENCE;
  while (!has() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
}
