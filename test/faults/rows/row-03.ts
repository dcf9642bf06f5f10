import { expectSound, noteChannels } from "../channel-verdict.ts";
import { Cluster } from "../cluster.ts";
import type { Audience, Hall } from "../halls.ts";
import { sum } from "../ledger.ts";
import type { Bystander } from "../scene.ts";
import type { Speech } from "../speaker.ts";
import { type Row, toMiB, type Verdict } from "../verdict.ts";

const sizes = {
  short: { listeners: 9, rate: 10, hold: 2_500, longest: 6_000, broker: { lease: 2_000, patience: 1_000, queue: 256 } },
  long: {
    listeners: 30,
    rate: 20,
    hold: 30_000,
    longest: 30_000,
    broker: { lease: 10_000, patience: 5_000, queue: 1_024 },
  },
};

const channels = ["kept/0", "plain/0"];

/** How many are published at a time while Redis is away, of those that may wait; and of how many characters each. */
const burst = { times: 4, size: 40_000 };
/** What a heap takes on top of what waits: the burst's own promises, and what a collection leaves. */
const SLACK = 24 * 1_048_576;
/** How long it may take until all is well again, in ms. */
const HEALED = 20_000;
/** How much longer than the broker's patience a publication may take to fail, in ms. */
const LATE = 5_000;
/** The most that the bystander's p99 may be, in ms: or twice what it was. In a test run others use the machine as well. */
const P99 = { short: 1_000, long: 20 };

/** Row 3: Redis is halted, cut off from one node and from all, and killed, with all that it knew. */
export const row03: Row = {
  number: 3,
  title: "Redis away, and back",
  lineups: ["mixed", "node20", "nodeCurrent", "bun", "deno"],
  tested: ["mixed"],
  async run({ scene, lineup, size, verdict }) {
    const { listeners, rate, hold, longest, broker } = sizes[size];
    const cluster = await Cluster.start(scene, lineup, { broker, ways: true });
    const speeches = channels.flatMap((channel) => {
      return Array.from({ length: 6 }, (_, i): Speech => ({ channel, rate, by: i % 2 === 0 ? "publish" : "post" }));
    });
    const audience = await scene.audience({ url: cluster.url, name: "c", listeners, channels, speeches });
    const bystander = await scene.bystander(cluster.nodes[0]!.url);
    await bystander.report();
    await audience.hear(listeners * rate * 5);
    const quiet = (await bystander.report()).p99;
    const fault = new Fault(verdict, cluster, audience, bystander, { ...sizes[size], quiet, p99: P99[size] });

    await fault.last(
      "Redis halted",
      hold,
      () => cluster.redis.pause(),
      () => cluster.redis.resume(),
    );
    const [first] = cluster.ways;
    await fault.last(
      "one node cut off",
      hold,
      () => cut([first!]),
      () => sever(first!),
    );
    await fault.last(
      "all nodes cut off",
      longest,
      () => cut(cluster.ways),
      () => mend(cluster.ways),
    );
    const whole = await fault.settle();
    verdict.same("with history: missed while Redis was there all the while", whole.kept.missed, 0);
    verdict.same("reset, closed, ended", [whole.reset, whole.closed, whole.ended], [0, 0, 0]);

    // What it knew is lost, and everybody is told.
    await audience.speak();
    await audience.hear(listeners * rate);
    const { gaps } = await audience.state();
    await cluster.replaceRedis();
    await audience.until("gaps", ">=", gaps + listeners * channels.length, HEALED);
    await fault.heal("Redis restarted without its memory");
    const report = await fault.settle();
    verdict.must(
      report.gaps >= gaps + listeners * channels.length,
      `of ${listeners * channels.length} subscriptions ${report.gaps - gaps} were told that Redis has lost its memory`,
    );
    verdict.same("reset, closed, ended", [report.reset, report.closed, report.ended], [0, 0, 0]);
    verdict.same("codes of failed publications", Object.keys(report.codes), ["unavailable"]);
    verdict.same("errors", [...report.errors, ...(await cluster.complaints())], []);
    verdict.totals = sum([report.kept, report.plain]);
    verdict.cuts = 4;
    noteChannels(verdict, report);
  },
};

interface FaultOptions {
  readonly listeners: number;
  readonly rate: number;
  readonly broker: { readonly patience: number; readonly queue: number };
  /** The bystander's p99 before, in ms, and the most that it may be. */
  readonly quiet: number;
  readonly p99: number;
}

/** Something that befalls Redis, while all go on publishing. */
class Fault {
  readonly #verdict: Verdict;
  readonly #cluster: Cluster;
  readonly #audience: Audience;
  readonly #bystander: Bystander;
  readonly #options: FaultOptions;
  #befallen = 0;

  constructor(verdict: Verdict, cluster: Cluster, audience: Audience, bystander: Bystander, options: FaultOptions) {
    this.#verdict = verdict;
    this.#cluster = cluster;
    this.#audience = audience;
    this.#bystander = bystander;
    this.#options = options;
  }

  /** Lets it last for some ms. */
  async last(what: string, ms: number, begin: () => void, end: () => void): Promise<void> {
    const [node] = this.#cluster.nodes;
    const { patience, queue } = this.#options.broker;
    const over = performance.now() + ms;
    const before = await node!.memory();
    await Promise.all([this.#bystander.report(), node!.stall()]);
    begin();
    let bursts = 0;
    let held = 0;
    // What has failed must not be kept, either.
    do {
      const next = Math.min(performance.now() + patience, over);
      held = Math.max(held, await this.#flood(what, node!, patience, queue, bursts === 0));
      bursts++;
      await new Promise((resolve) => setTimeout(resolve, next - performance.now()));
    } while (performance.now() + patience < over);
    await new Promise((resolve) => setTimeout(resolve, over - performance.now()));
    end();
    const p99 = await this.#look(what);
    this.#verdict.most(`${what}: the bystander's p99`, p99, Math.max(2 * this.#options.quiet, this.#options.p99));
    this.#verdict.most(`${what}: bytes of heap more`, held - before.heap, queue * burst.size + SLACK);
    const stall = await node!.stall();
    const healed = await this.heal(what);
    await this.#look(`${what}, while it healed`);
    this.#verdict.notes.push(
      `${what}: heap ${toMiB(before.heap)}, at most ${toMiB(held)} while ${toMiB(bursts * burst.times * queue * burst.size)} ` +
        `were published; bystander p99 ${this.#options.quiet} to ${p99} ms, stall ${stall} ms; ` +
        `healed in ${Math.round(healed)} ms, with a stall of ${await node!.stall()} ms`,
    );
  }

  /** The bystander's p99 since the last time, in ms: nothing else has befallen it. */
  async #look(when: string): Promise<number> {
    const { p99, events } = await this.#bystander.report();
    this.#verdict.same(`${when}: what befell the bystander`, events.slice(this.#befallen), []);
    this.#befallen = events.length;
    return p99;
  }

  /** Publishes more than may wait, and tells how much memory that holds. */
  async #flood(what: string, node: Hall, patience: number, queue: number, first: boolean): Promise<number> {
    const count = burst.times * queue;
    const began = performance.now();
    const ends = node.burst("kept/burst", count, burst.size);
    const { heap } = await node.memory();
    const late = new Promise<never>((_, reject) => {
      setTimeout(reject, patience + LATE, new Error(`${what}: publications did not fail in time`)).unref();
    });
    const counts = new Map(Object.entries(await Promise.race([ends, late])));
    const took = performance.now() - began;
    const away = "unavailable: The broker's engine is away:";
    const waited = counts.get(`${away} No answer within ${patience} ms`) ?? 0;
    const refused = counts.get(`${away} ${queue} others wait`) ?? 0;
    this.#verdict.same(`${what}: publications that were not unavailable`, count - waited - refused, 0);
    const most = queue * Math.ceil(took / patience);
    // Those that have waited before may be held still, by the client of Redis: then there is room for no others.
    const least = first ? 1 : 0;
    this.#verdict.must(waited >= least && waited <= most, `${what}: ${waited} have waited, of ${most} that may`);
    return heap;
  }

  /** Resolves when everybody hears again what all publish; how long that took, in ms. */
  async heal(what: string): Promise<number> {
    const { listeners, rate } = this.#options;
    const began = performance.now();
    const { published } = await this.#audience.state();
    await this.#audience.until("published", ">=", published + 12 * rate, HEALED);
    await this.#audience.hear(listeners * rate, HEALED);
    // Also through those who had most to do.
    for (const node of this.#cluster.nodes) {
      while ((await node.burst("kept/healed", 1, 1))["ok"] !== 1 && performance.now() - began < HEALED);
    }
    const took = performance.now() - began;
    this.#verdict.most(`${what}: ms until all was well again`, took, HEALED);
    return took;
  }

  /** Nobody publishes any more: how it went up to here. */
  async settle() {
    const report = await this.#audience.finish();
    expectSound(this.#verdict, "with history", report.kept);
    expectSound(this.#verdict, "without history", report.plain);
    return report;
  }
}

type Way = Cluster["ways"][number];

/** As a firewall does that drops everything: and who comes anew is turned away. */
function cut(ways: readonly Way[]): void {
  for (const way of ways) {
    way.refusing = true;
    way.stall();
  }
}

function mend(ways: readonly Way[]): void {
  for (const way of ways) {
    way.refusing = false;
    way.flow();
  }
}

/** All that was on its way is lost. */
function sever(way: Way): void {
  way.refusing = false;
  way.cut();
}
