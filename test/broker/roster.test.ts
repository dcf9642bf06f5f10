import { describe, expect, onTestFinished, test } from "vitest";
import type { Broker, ChannelListener, Roll } from "../../src/broker/broker.ts";
import { Roster, type RosterListener } from "../../src/broker/roster.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import type { Shim } from "./shim.ts";
import { upTo } from "./stage.ts";
import { Weather } from "./weather.ts";

/** Notes what a roster tells, and keeps the members by that alone. */
class Crowd implements RosterListener {
  readonly told: string[] = [];
  readonly members = new Map<string, string>();
  #began = false;

  /** Begins with those who are there: what was told before is in that. */
  begin(roster: Roster): this {
    for (const [key, state] of roster.members) this.members.set(key, state);
    this.#began = true;
    return this;
  }

  join(key: string, state: string): void {
    if (!this.#began) return;
    expect(this.members.has(key)).toBe(false);
    this.members.set(key, state);
    this.told.push(`+${key}=${state}`);
  }

  update(key: string, state: string): void {
    if (!this.#began) return;
    expect(this.members.has(key) && this.members.get(key) !== state).toBe(true);
    this.members.set(key, state);
    this.told.push(`${key}=${state}`);
  }

  leave(key: string): void {
    if (!this.#began) return;
    expect(this.members.delete(key)).toBe(true);
    this.told.push(`-${key}`);
  }
}

async function setUp() {
  const weather = new Weather(1, 3);
  const [near, far, other] = weather.nodes as [Shim, Shim, Shim];
  await far.enter("a", "early", "1");
  const crowd = new Crowd();
  const roster = new Roster(near, weather.clock, "a", crowd);
  onTestFinished(() => roster.close());
  await roster.open();
  crowd.begin(roster);
  return { weather, clock: weather.clock, near, far, other, crowd, roster };
}

/** A broker of which a test says what it brings and who is there. */
class Scripted {
  readonly clock = new FakeClock();
  readonly crowd = new Crowd();
  readonly roster: Roster;
  reads: { answer: (roll: Roll) => void; fail: () => void }[] = [];
  listener!: ChannelListener;

  constructor() {
    const broker: Pick<Broker, "subscribe" | "roll"> = {
      subscribe: (_, listener) => {
        this.listener = listener;
        return () => {};
      },
      roll: () => new Promise((answer, fail) => this.reads.push({ answer, fail: () => fail(new Error("away")) })),
    };
    this.roster = new Roster(broker as Broker, this.clock, "a", this.crowd);
    onTestFinished(() => this.roster.close());
  }

  async open(version = 0, ...entries: string[]): Promise<void> {
    const opening = this.roster.open();
    await this.clock.settle();
    await this.answer(version, ...entries);
    await opening;
    this.crowd.begin(this.roster);
  }

  /** Entries as `node key state`. */
  async answer(version: number, ...entries: string[]): Promise<void> {
    const roll = entries.map((entry) => {
      const [node, key, state] = entry.split(" ") as [string, string, string];
      return { node, key, state };
    });
    this.reads.shift()!.answer({ version, entries: roll });
    await this.clock.settle();
  }

  bring(version: number, entry: string): void {
    const [node, key, state] = entry.split(" ") as [string, string, string | undefined];
    this.listener.change({ node, key, state, version });
  }
}

describe("a roster", () => {
  test("knows who is there already, and tells of those who come, are told of anew and go", async () => {
    const { far, crowd, roster } = await setUp();
    expect([...roster.members]).toEqual([["early", "1"]]);
    await far.enter("a", "x", "1");
    await far.enter("a", "x", "1");
    await far.enter("a", "x", "2");
    await far.leave("a", "early");
    expect(crowd.told).toEqual(["+x=1", "x=2", "-early"]);
    expect([...roster.members]).toEqual([["x", "2"]]);
  });

  test("has somebody once, on however many nodes, with what was told last", async () => {
    const { far, other, crowd, roster } = await setUp();
    await far.enter("a", "x", "far");
    await other.enter("a", "x", "far");
    await other.enter("a", "x", "other");
    await far.enter("a", "x", "far again");
    await far.leave("a", "x");
    await other.leave("a", "x");
    expect(crowd.told).toEqual(["+x=far", "x=other", "x=far again", "x=other", "-x"]);
    expect(roster.members.size).toBe(1);
  });

  test("puts changes in order, each once, and waits for none that has come", async () => {
    const feed = new Scripted();
    await feed.open(4);
    for (const [version, entry] of [[6, "n x 2"], [6, "n x 2"], [5, "n x 1"], [5, "n x 1"], [4, "n y"]] as const) feed.bring(version, entry); // prettier-ignore
    expect(feed.crowd.told).toEqual(["+x=1", "x=2"]);
    await feed.clock.advance(1000);
    // It looks once whether something is missing, at most.
    expect(feed.reads.length).toBeLessThan(2);
  });

  test("reads where a change does not come for 50 ms, and tells what is not as it was", async () => {
    const feed = new Scripted();
    await feed.open(4, "n gone 1", "n stays 1", "n changes 1");
    feed.bring(9, "n late 1");
    await feed.clock.advance(49);
    expect(feed.reads.length).toBe(0);
    await feed.clock.advance(1);
    // What comes while it reads waits for that.
    feed.bring(10, "n late 2");
    feed.bring(7, "n gone");
    expect(feed.crowd.told).toEqual([]);
    await feed.answer(9, "n stays 1", "n changes 2", "n late 1");
    expect(feed.crowd.told).toEqual(["-gone", "changes=2", "+late=1", "late=2"]);
    await feed.clock.advance(1000);
    expect([feed.reads.length, feed.clock.timers]).toEqual([0, 0]);
  });

  test("does not tell anew what only stands in another order in the roll", async () => {
    const feed = new Scripted();
    await feed.open(2, "one x 1", "two x 2");
    feed.bring(3, "one x 1");
    expect(feed.crowd.told).toEqual(["x=1"]);
    feed.listener.interrupted();
    await feed.answer(3, "one x 1", "two x 2");
    expect(feed.crowd.told).toEqual(["x=1"]);
    feed.listener.interrupted();
    await feed.answer(4, "one x 1", "two x 3");
    expect(feed.crowd.told).toEqual(["x=1", "x=3"]);
  });

  test("asks again where it cannot read, and once at a time", async () => {
    const feed = new Scripted();
    await feed.open(1);
    for (const version of upTo(100, 3)) {
      feed.bring(version, `n x ${version}`);
      await feed.clock.advance(100);
      for (const { fail } of feed.reads.splice(0)) fail();
    }
    await feed.clock.settle();
    expect(feed.clock.timers).toBe(1);
    await feed.clock.advance(5000);
    expect(feed.reads.length).toBe(1);
    await feed.answer(100, "n x 100");
    expect([feed.crowd.told, feed.clock.timers]).toEqual([["+x=100"], 0]);
  });

  test("reads once more where the engine was away while it reads", async () => {
    const feed = new Scripted();
    await feed.open(1);
    feed.listener.interrupted();
    feed.listener.interrupted();
    expect(feed.reads.length).toBe(1);
    await feed.answer(1);
    expect(feed.reads.length).toBe(1);
    await feed.answer(2, "n x 1");
    expect([feed.crowd.told, feed.reads.length]).toEqual([["+x=1"], 0]);
  });

  test.each([
    ["the engine was away", (feed: Scripted) => feed.listener.interrupted()],
    ["too much came", (feed: Scripted) => upTo(2000, 3).forEach((version) => feed.bring(version, "n x 1"))],
  ])("reads once more where %s while it was opened, and tells nothing twice", async (_, meanwhile) => {
    const feed = new Scripted();
    const opening = feed.roster.open();
    await feed.clock.settle();
    meanwhile(feed);
    expect(feed.reads.length).toBe(1);
    await feed.answer(1, "n early 1");
    await opening;
    feed.crowd.begin(feed.roster);
    expect([feed.crowd.told, feed.reads.length]).toEqual([[], 1]);
    await feed.answer(2000, "n early 1", "n x 1");
    expect(feed.crowd.told).toEqual(["+x=1"]);
  });

  test("goes on with an engine that has lost all, and forgets what it heard of the one before", async () => {
    const feed = new Scripted();
    await feed.open(100, "n x 1");
    feed.bring(103, "n stale 1");
    feed.listener.interrupted();
    await feed.answer(0);
    for (const version of upTo(103)) feed.bring(version, `n y ${version}`);
    await feed.clock.advance(1000);
    expect([feed.crowd.told.length, [...feed.crowd.members], feed.reads.length]).toEqual([104, [["y", "103"]], 0]);
  });

  test("that is closed tells nothing, reads nothing and sets no timer", async () => {
    for (const state of ["reads", "waits", "tries again"]) {
      const feed = new Scripted();
      await feed.open(1);
      feed.bring(3, "n x 1");
      if (state !== "waits") feed.listener.interrupted();
      if (state === "tries again") feed.reads.shift()!.fail();
      await feed.clock.settle();
      feed.roster.close();
      if (state === "reads") await feed.answer(3, "n x 1");
      feed.listener.interrupted();
      feed.bring(2, "n y 1");
      await feed.clock.advance(10_000);
      expect([feed.crowd.told, feed.reads.length, feed.clock.timers], state).toEqual([[], 0, 0]);
    }
  });

  test("that is closed while it opens hears nothing", async () => {
    const feed = new Scripted();
    const opening = feed.roster.open();
    await feed.clock.settle();
    feed.roster.close();
    await feed.answer(1, "n x 1");
    await opening;
    feed.bring(2, "n y 1");
    await feed.clock.advance(1000);
    expect([feed.roster.members.size, feed.crowd.told, feed.clock.timers]).toEqual([0, [], 0]);
  });

  test("that could not be opened can be opened again", async () => {
    const { near, far, clock } = await setUp();
    const crowd = new Crowd();
    const roster = new Roster(near, clock, "b", crowd);
    near.faults.fail = 1;
    await expect(roster.open()).rejects.toMatchObject({ code: "unavailable" });
    await far.enter("b", "x", "1");
    near.faults.fail = 0;
    await roster.open();
    crowd.begin(roster);
    await far.enter("b", "x", "2");
    expect([crowd.told, [...roster.members]]).toEqual([["x=2"], [["x", "2"]]]);
  });

  test("comes to know who is there, whatever the broker does", async () => {
    for (const seed of upTo(150)) await play(seed);
  }, 60_000);
});

/** Many come and go on some nodes, in all weathers. */
async function play(seed: number): Promise<void> {
  const weather = new Weather(seed, 3, {
    duplicate: 0.1,
    reorder: 0.2,
    late: 40 + (seed % 3) * 60,
    slow: 30,
    fail: 0.1,
  });
  const truth = new Map<Shim, Map<string, string>>(weather.nodes.map((node) => [node, new Map()]));
  const watched: { roster: Roster; crowd: Crowd }[] = [];
  const opening: Promise<unknown>[] = [];
  for (const step of upTo(60)) {
    const node = weather.pick(weather.nodes);
    const key = `k${weather.upTo(6)}`;
    const dice = weather.random();
    if (dice < 0.5) {
      truth.get(node)!.set(key, `${step}`);
      await node.enter("a", key, `${step}`);
    } else if (dice < 0.8) {
      truth.get(node)!.delete(key);
      await node.leave("a", key);
    } else if (dice < 0.86) {
      const crowd: Crowd = new Crowd();
      const roster = new Roster(node, weather.clock, "a", crowd);
      opening.push(
        roster.open().then(
          () => {
            crowd.begin(roster);
            watched.push({ roster, crowd });
          },
          () => roster.close(),
        ),
      );
    } else if (dice < 0.9) node.cut();
    else if (dice < 0.99) node.heal();
    else await weather.wipe();
    await weather.clock.advance(weather.upTo(30));
  }
  await weather.clear();
  await Promise.all(opening);
  const all = new Map<string, Set<string>>();
  for (const states of truth.values())
    for (const [key, state] of states) all.set(key, (all.get(key) ?? new Set()).add(state));
  for (const { roster, crowd } of watched) {
    expect(new Set(roster.members.keys()), `seed ${seed}`).toEqual(new Set(all.keys()));
    for (const [key, state] of roster.members) expect(all.get(key)!.has(state), `seed ${seed}, ${key}`).toBe(true);
    expect(crowd.members, `seed ${seed}`).toEqual(roster.members);
    roster.close();
  }
  expect(weather.clock.timers, `seed ${seed}`).toBe(0);
}
