import { lastingPort } from "../../support/ports.ts";
import type { LoadEvent } from "../customer.ts";
import type { BareNode, Bystander, Load, Scene } from "../scene.ts";
import { type Row, spread, toRuntime } from "../verdict.ts";

const sizes = { short: { connections: 1_000, crashes: 1 }, long: { connections: 5_000, crashes: 3 } };

/** The longest that the event loop may be busy at a stretch, in ms: or twice as long as that of a bare server. */
const STALL = 100;
/** The most that the bystander's p99 may be, in ms: or twice what it is at a bare server. */
const P99 = 20;

/**
 * How large a share sets out within 100 ms at most. Attempts come after a random part of a bound that is 500 ms, then
 * 1,000, then twice that. First attempts fall evenly into 500 ms: 20 % into any 100. The second ones of those that failed
 * rise meanwhile to 9 %, the third ones to 1 %: 30 % where it is densest, from 400 to 500 ms after the crash. (A server that
 * takes longer than that to come back meets attempts that are spread further: 10 to 25 % were seen.)
 */
const CROWD = 0.3;
/** And four standard deviations, since it is chance: of so many clients, each of which chooses for itself. */
const crowdOf = (clients: number): number => CROWD + 4 * Math.sqrt((CROWD * (1 - CROWD)) / clients);

/** The largest share of times that lie within so many ms. */
function crowd(times: readonly number[], ms: number): number {
  let [most, first] = [0, 0];
  times.forEach((time, last) => {
    while (time - times[first]! > ms) first++;
    most = Math.max(most, last - first + 1);
  });
  return most / times.length;
}

/**
 * When those who were reset had set out, in order: for when each had set the attempt that got through. When it was made,
 * and when the answer came, tells also how late an overburdened load was.
 */
function setOut(events: readonly LoadEvent[]): number[] {
  const due = new Map<string, number>();
  const times: number[] = [];
  for (const { who, name, at } of events) {
    if (name === "due") due.set(who, at);
    else if (name === "reset") times.push(due.get(who) ?? Number.NaN);
  }
  return times.toSorted((a, b) => a - b);
}

/** How often they come: a hundredth of what happens while a thousand come once is two or three calls, and chance. */
const STORMS = 3;

/** A server that storms come over, and somebody who is there already. */
class Coast {
  readonly #scene: Scene;
  readonly #node: BareNode;
  readonly #bystander: Bystander;
  /** The bystander's p99 before them, in ms. */
  readonly quiet: number;
  readonly #times: number[] = [];
  /** What befell the bystander. */
  events: readonly string[] = [];
  /** The longest stall, in ms. */
  stall = 0;
  #load: Load | undefined;

  private constructor(scene: Scene, node: BareNode, bystander: Bystander, quiet: number) {
    this.#scene = scene;
    this.#node = node;
    this.#bystander = bystander;
    this.quiet = quiet;
  }

  static async of(scene: Scene, node: BareNode): Promise<Coast> {
    const bystander = await scene.bystander(node.url);
    return new Coast(scene, node, bystander, (await bystander.report()).p99);
  }

  /** Who came the last time, and is there still. */
  get load(): Load {
    return this.#load!;
  }

  /** The bystander's p99 during them, in ms. */
  get busy(): number {
    return this.#times.toSorted((a, b) => a - b)[Math.floor(this.#times.length * 0.99)]!;
  }

  /** As many come at once, and those of the last time are gone. */
  async storm(connections: number): Promise<void> {
    this.#load?.signal("SIGKILL");
    await this.#load?.process.exited;
    await Promise.all([this.#bystander.report(), this.#node.stall()]);
    const options = { url: this.#node.url, name: "c", connections, rate: 0, idle: true, storm: true };
    this.#load = await this.#scene.load(options);
    const [{ times, events }, stall] = await Promise.all([this.#bystander.report(), this.#node.stall()]);
    this.#times.push(...times);
    this.events = events;
    this.stall = Math.max(this.stall, stall);
  }
}

/**
 * Row 10: thousands come at once; then the server is killed, and all of them come back. So many upgrades at a time cost any
 * server some, and a busy machine adds to it: so the same storms come over a bare server
 * on the same runtime, in turns.
 */
export const row10: Row = {
  number: 10,
  title: "connect storm and herd",
  lineups: ["node20", "nodeCurrent", "bun", "deno"],
  // Both Nodes have the same adapter: a test run has one of them.
  tested: ["node20", "bun", "deno"],
  async run({ scene, lineup, size, verdict }) {
    const { connections, crashes } = sizes[size];
    const runtime = toRuntime(lineup);
    const bare = await scene.bare(runtime);
    const options = { name: "n", port: await lastingPort() };
    let node = await scene.node(runtime, options);
    const [control, first] = [await Coast.of(scene, bare), await Coast.of(scene, node)];
    for (let storm = 0; storm < STORMS; storm++) {
      await control.storm(connections);
      await first.storm(connections);
    }
    control.load.signal("SIGKILL");
    bare.signal("SIGKILL");
    const stall = Math.max(STALL, 2 * control.stall);

    const { load } = first;
    verdict.same("open after the storms", (await load.state()).open, connections);
    verdict.same("what befell the bystander", first.events, []);
    verdict.most("the bystander's p99", first.busy, Math.max(2 * first.quiet, P99, 2 * control.busy));
    verdict.most("ms of a stall in the storms", first.stall, stall);
    verdict.notes.push(
      `${connections} in ${load.ready.seconds} s, bare ${control.load.ready.seconds} s`,
      `stall ${first.stall} ms, bare ${control.stall} ms`,
      `bystander p99 ${first.quiet} to ${first.busy} ms, bare ${control.quiet} to ${control.busy} ms`,
    );

    for (let crash = 1; crash <= crashes; crash++) {
      await load.events();
      node.signal("SIGKILL");
      await node.process.exited;
      node = await scene.node(runtime, options);
      const back = await load.until("reset", "=", connections * crash, 60_000);
      verdict.same("back after a crash", [back.reset, back.open], [connections * crash, connections]);
      const events = await load.events();
      const share = crowd(setOut(events), 100) * 100;
      verdict.most("% of them within 100 ms", share, crowdOf(connections) * 100);
      const busy = await node.stall();
      verdict.most("ms of a stall in the herd", busy, stall);
      const times = events.filter(({ name }) => name === "reset").map(({ at }) => at);
      const took = times.map((time) => Math.round(time - times[0]!));
      verdict.notes.push(
        `herd: half within ${spread(took).replace("/", " ms, all within ")} ms of the first, ` +
          `${Math.round(share)} % set out within 100 ms; stall ${busy} ms`,
      );
    }
    const own = await scene.bystander(node.url);
    verdict.same("what befell a bystander afterwards", (await own.report()).events, []);
    const { closed, outages, errors } = await load.finish();
    verdict.same("closed", closed, 0);
    verdict.same("errors", [...errors, ...(await node.state()).errors], []);
    verdict.outages = outages;
  },
};
