import { describe, expect, onTestFinished, test } from "vitest";
import type { Broker, ChannelListener, Page, Position, Retention } from "../../src/broker/broker.ts";
import { Channels } from "../../src/broker/channels.ts";
import { Feed } from "../../src/broker/feed.ts";
import { memoryBroker } from "../../src/broker/memory-broker.ts";
import type { Recovery } from "../../src/broker/recovery.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import type { Body } from "../../src/wire/frames.ts";
import { ample, upTo } from "./stage.ts";
import { Notes, Weather } from "./weather.ts";
import type { Shim } from "./shim.ts";

const gap = (position: unknown): object => ({ position, lost: true });

/** One node, whose channel is heard by a feed, and another that publishes. */
async function setUp(retained = true, first = 0) {
  const weather = new Weather(1, 2);
  const [near, far] = weather.nodes as [Shim, Shim];
  const publish = (...bodies: Body[]): Position[] => bodies.map((body) => far.publish("a", body, ample) as Position);
  publish(...upTo(first).map((n) => `old ${n}`));
  const notes = new Notes();
  const feed = new Feed(near, weather.clock, "a", notes);
  onTestFinished(() => feed.close());
  await feed.open(retained ? ample : undefined);
  const join = async (since?: Position, last = 0): Promise<Recovery> => {
    let result: Recovery | undefined;
    await feed.recover(since, last, (recovery) => (result = recovery));
    return result!;
  };
  const epoch = (): string => feed.position!.epoch;
  return { weather, clock: weather.clock, near, far, publish, notes, feed, join, epoch };
}

/** A broker of which a test says what it brings and reads. */
class Scripted {
  readonly clock = new FakeClock();
  readonly notes = new Notes();
  reads: { after: number | undefined; answer: (page: Page) => void; fail: () => void }[] = [];
  feed: Feed;
  listener!: ChannelListener;

  constructor(exact = false) {
    const broker: Pick<Broker, "exact" | "subscribe" | "read"> = {
      exact,
      subscribe: (_, listener) => {
        this.listener = listener;
        return () => {};
      },
      read: (_, { after }) =>
        new Promise((answer, fail) => this.reads.push({ after, answer, fail: () => fail(new Error("away")) })),
    };
    this.feed = new Feed(broker as Broker, this.clock, "a", this.notes);
    onTestFinished(() => this.feed.close());
  }

  async open(offset = 0, epoch = "e"): Promise<void> {
    const opening = this.feed.open(ample);
    await this.clock.settle();
    this.answer([], offset, offset, epoch);
    await opening;
  }

  bring(offset: number, epoch = "e"): void {
    this.listener.message({ body: `${epoch}${offset}`, position: { offset, epoch } });
  }

  /** Answers the oldest read with the messages behind an offset. */
  answer(offsets: readonly number[], to: number, last = to, epoch = "e"): void {
    const messages = offsets.map((offset) => `${epoch}${offset}`);
    this.reads.shift()!.answer({ messages, to, position: { offset: last, epoch } });
  }

  get told(): unknown[] {
    return this.notes.told.map((one) =>
      "body" in one ? one.body : [one.position?.offset, one.position?.epoch, one.lost],
    );
  }
}

describe("a feed with history", () => {
  test("tells each message with its offset, from where it was opened", async () => {
    const { publish, notes, feed } = await setUp(true, 3);
    expect(feed.position).toEqual({ offset: 3, epoch: expect.any(String) });
    publish("x", "y");
    expect(notes.told).toEqual([
      { body: "x", offset: 4 },
      { body: "y", offset: 5 },
    ]);
    expect(feed.position!.offset).toBe(5);
  });

  test("on an exact broker tells at once, and sets no timer", async () => {
    const clock = new FakeClock();
    const broker = { ...memoryBroker({ clock }), exact: true };
    const notes = new Notes();
    const feed = new Feed(broker, clock, "a", notes);
    const retention: Retention = { size: 10, ttl: 1000 };
    await feed.open(retention);
    expect(await broker.publish("a", "1", retention)).toEqual({ offset: 1, epoch: feed.position!.epoch });
    await broker.publish("a", "2", retention);
    void broker.publish("a", "plain");
    // What was told is forgotten, and the numbers go on while somebody listens.
    clock.hold(1000);
    await broker.publish("a", "3", retention);
    expect(notes.told).toEqual([
      { body: "1", offset: 1 },
      { body: "2", offset: 2 },
      { body: "plain", offset: undefined },
      { body: "3", offset: 3 },
    ]);
    // One is the memory's own.
    expect(clock.timersSet).toBeLessThan(3);
  });

  test("on an exact broker goes on in another epoch without asking", async () => {
    const feed = new Scripted(true);
    await feed.open(2, "old");
    feed.bring(1, "new");
    expect([feed.told, feed.reads]).toEqual([[[0, "new", false], "new1"], []]);
  });

  test("that knows an epoch by its name alone is told of its messages without a read", async () => {
    const feed = new Scripted();
    await feed.open(0);
    feed.bring(1);
    expect([feed.told, feed.reads]).toEqual([["e1"], []]);
    // It was away, and there was nothing else.
    feed.listener.interrupted();
    feed.answer([], 1);
    await feed.clock.settle();
    expect(feed.told).toEqual(["e1"]);
  });

  test("that knows an epoch by its name alone, and was away, misses nothing where there was nothing", async () => {
    const feed = new Scripted();
    await feed.open(0);
    feed.listener.interrupted();
    feed.answer([], 0);
    await feed.clock.settle();
    expect(feed.told).toEqual([]);
    feed.listener.interrupted();
    feed.answer([], 0, 0, "f");
    await feed.clock.settle();
    expect(feed.told).toEqual([[0, "f", true]]);
    // What was of the one before comes late.
    feed.bring(1);
    expect(feed.told).toEqual([
      [0, "f", true],
      [0, "f", true],
    ]);
  });

  test("waits for 50 ms for what is late, and reads what is missing then", async () => {
    const feed = new Scripted();
    await feed.open(4);
    for (const offset of [5, 7, 7, 5, 8]) feed.bring(offset);
    await feed.clock.advance(49);
    expect([feed.told, feed.reads.length]).toEqual([["e5"], 0]);
    await feed.clock.advance(1);
    expect(feed.reads[0]!.after).toBe(5);
    feed.answer([6, 7, 8], 8);
    await feed.clock.settle();
    feed.bring(9);
    expect(feed.told).toEqual(["e5", "e6", "e7", "e8", "e9"]);
    await feed.clock.advance(1000);
    expect([feed.reads.length, feed.clock.timers]).toEqual([0, 0]);
  });

  test("goes on while it reads, and tells nothing twice", async () => {
    const feed = new Scripted();
    await feed.open(4);
    feed.listener.interrupted();
    await feed.clock.settle();
    for (const offset of [5, 6, 8]) feed.bring(offset);
    expect(feed.told).toEqual(["e5", "e6"]);
    feed.answer([5], 5);
    await feed.clock.settle();
    feed.bring(7);
    expect(feed.told).toEqual(["e5", "e6", "e7", "e8"]);
  });

  test("tells what is not kept any more as missed", async () => {
    const feed = new Scripted();
    await feed.open(4);
    feed.bring(6);
    feed.bring(10);
    await feed.clock.advance(50);
    feed.answer([9, 10, 11], 11);
    await feed.clock.settle();
    feed.bring(12);
    expect(feed.told).toEqual([[8, "e", true], "e9", "e10", "e11", "e12"]);
  });

  test("reads on, a page at a time", async () => {
    const { near, publish, notes, clock } = await setUp(true, 1);
    near.cut();
    publish(...upTo(2500).map(String));
    near.heal();
    await clock.settle();
    expect(notes.bodies).toEqual(upTo(2500).map(String));
    expect(notes.gaps).toBe(0);
  });

  test("reads all that it could not hold", async () => {
    const feed = new Scripted();
    await feed.open(4);
    for (const offset of upTo(3000, 6)) feed.bring(offset);
    await feed.clock.advance(50);
    feed.answer(upTo(1004, 5), 1004, 3000);
    await feed.clock.settle();
    // Some of it has been told meanwhile.
    expect(feed.reads[0]!.after).toBe(1029);
    feed.answer(upTo(2029, 1030), 2029, 3000);
    await feed.clock.settle();
    feed.answer(upTo(3000, 2030), 3000);
    await feed.clock.advance(1000);
    expect(feed.told).toEqual(upTo(3000, 5).map((offset) => `e${offset}`));
    expect([feed.reads.length, feed.clock.timers]).toEqual([0, 0]);
  });

  test("asks again where it cannot read, later and later, and once at a time", async () => {
    const { near, clock, publish, notes, feed } = await setUp(true, 1);
    near.faults.fail = 1;
    near.cut();
    publish("lost on the way");
    near.heal();
    for (const _ of upTo(100)) {
      near.heal();
      publish("x");
      await clock.advance(100);
    }
    // Ten seconds: 0.1, 0.2, 0.4, … and a timer, not one for each message.
    expect(near.done.failed).toBeGreaterThan(5);
    expect(near.done.failed).toBeLessThan(15);
    expect(clock.timers).toBeLessThan(3);
    near.faults.fail = 0;
    await clock.advance(5000);
    expect([notes.bodies.length, notes.gaps, feed.position!.offset]).toEqual([101, 0, 102]);
  });

  test("goes on in another epoch without a gap where the one before was forgotten in time", async () => {
    const feed = new Scripted();
    await feed.open(8, "old");
    for (const offset of [2, 1]) feed.bring(offset, "new");
    expect(feed.told).toEqual([]);
    feed.answer([], 2, 2, "new");
    await feed.clock.settle();
    expect(feed.reads[0]!.after).toBe(0);
    feed.answer([1, 2], 2, 2, "new");
    await feed.clock.settle();
    // What is of before and late is neither told nor asked about.
    feed.bring(8, "old");
    feed.bring(3, "new");
    expect(feed.told).toEqual([[0, "new", false], "new1", "new2", "new3"]);
    await feed.clock.advance(1000);
    while (feed.reads.length > 0) {
      feed.answer([], 3, 3, "new");
      await feed.clock.advance(1000);
    }
    expect([feed.told.length, feed.clock.timers]).toEqual([4, 0]);
  });

  test("tells of what was of an epoch that is over, and came too late", async () => {
    const feed = new Scripted();
    await feed.open(8, "old");
    feed.bring(1, "new");
    feed.answer([], 1, 1, "new");
    await feed.clock.settle();
    feed.answer([1], 1, 1, "new");
    await feed.clock.settle();
    feed.bring(9, "old");
    feed.bring(9, "old");
    feed.bring(2, "new");
    expect(feed.told).toEqual([[0, "new", false], "new1", [1, "new", true], "new2"]);
  });

  test.each([
    ["was away", (feed: Scripted) => feed.listener.interrupted()],
    ["had a hole", (feed: Scripted) => feed.bring(10, "old")],
    ["heard of one in between", (feed: Scripted) => feed.bring(1, "between")],
  ])("tells what may be missing where another epoch begins, when it %s", async (_, before) => {
    const feed = new Scripted();
    await feed.open(8, "old");
    before(feed);
    await feed.clock.advance(50);
    feed.answer([], 1, 1, "new");
    await feed.clock.settle();
    feed.answer([1], 1, 1, "new");
    await feed.clock.settle();
    expect(feed.told).toEqual([[0, "new", true], "new1"]);
  });

  test("tells what may be missing where an epoch is over before it could be read", async () => {
    const feed = new Scripted();
    await feed.open(8, "old");
    feed.bring(1, "new");
    feed.answer([], 1, 1, "new");
    await feed.clock.settle();
    feed.reads.shift()!.fail();
    await feed.clock.advance(100);
    feed.bring(1, "newer");
    feed.answer([], 1, 1, "newer");
    await feed.clock.settle();
    feed.answer([1], 1, 1, "newer");
    await feed.clock.settle();
    expect(feed.told).toEqual([[0, "new", false], [0, "newer", true], "newer1"]);
  });

  test("tells what may be missing where it finds another epoch, and has not heard of it", async () => {
    const feed = new Scripted();
    await feed.open(8, "old");
    // Whoever joins has heard more: it may be away, and not know it yet.
    const joining = feed.feed.recover({ offset: 9, epoch: "old" }, 0, () => {});
    feed.answer([], 1, 1, "new");
    await feed.clock.settle();
    feed.reads.shift()!.fail();
    await expect(joining).rejects.toThrow("away");
    feed.bring(1, "newer");
    feed.answer([], 1, 1, "newer");
    await feed.clock.settle();
    feed.answer([1], 1, 1, "newer");
    await feed.clock.settle();
    expect(feed.told).toEqual([[0, "new", true], [0, "newer", true], "newer1"]);
  });

  test("tells what may be missing where there is nothing, before and after it was away", async () => {
    const feed = new Scripted();
    await feed.open(0, "");
    feed.listener.interrupted();
    feed.answer([], 0, 0, "");
    await feed.clock.advance(1000);
    expect([feed.told, feed.reads.length, feed.clock.timers]).toEqual([[[0, "", true]], 0, 0]);
  });

  test("at an engine that names another epoch for nothing each time, reads once, and tells what may be missing", async () => {
    const feed = new Scripted();
    await feed.open(0, "nothing");
    const joining = feed.feed.recover({ offset: 3, epoch: "nothing" }, 0, () => {});
    feed.answer([], 0, 0, "nothing, too");
    await joining;
    expect([feed.told, feed.reads.length]).toEqual([[], 0]);
    feed.listener.interrupted();
    feed.answer([], 0, 0, "nothing again");
    await feed.clock.advance(1000);
    expect([feed.told, feed.reads.length]).toEqual([[[0, "nothing again", true]], 0]);
    // Something was there, and is forgotten.
    feed.bring(1, "gone");
    feed.answer([], 0, 0, "nothing");
    await feed.clock.advance(1000);
    expect([feed.told[1], feed.reads.length]).toEqual([[0, "nothing", true], 0]);
  });

  test("tells where the engine has lost its last messages, and gives their numbers again", async () => {
    const feed = new Scripted();
    await feed.open(8);
    feed.listener.interrupted();
    feed.answer([], 6);
    await feed.clock.settle();
    feed.answer([], 6);
    await feed.clock.settle();
    feed.bring(7);
    expect(feed.told).toEqual([[6, "e", true], "e7"]);
  });

  test("does not wait for what the engine has lost", async () => {
    const feed = new Scripted();
    await feed.open(8);
    feed.bring(11);
    await feed.clock.advance(50);
    feed.answer([9], 9);
    await feed.clock.settle();
    feed.answer([], 9);
    await feed.clock.advance(1000);
    expect([feed.told, feed.reads.length, feed.clock.timers]).toEqual([[[9, "e", true]], 0, 0]);
  });

  test("has all that came while it was opened", async () => {
    const feed = new Scripted();
    const opening = feed.feed.open(ample);
    await feed.clock.settle();
    for (const offset of [4, 6, 5]) feed.bring(offset);
    feed.answer([], 4);
    await opening;
    expect(feed.told).toEqual(["e5", "e6"]);
  });

  test.each([
    ["it was interrupted", (feed: Scripted) => feed.listener.interrupted()],
    ["too much came", (feed: Scripted) => upTo(1100, 5).forEach((offset) => feed.bring(offset))],
  ])("reads once more where %s while it was opened", async (_, meanwhile) => {
    const feed = new Scripted();
    const opening = feed.feed.open(ample);
    await feed.clock.settle();
    meanwhile(feed);
    feed.answer([], 4);
    await opening;
    expect(feed.reads.length).toBe(1);
    expect(feed.notes.gaps).toBe(0);
  });

  test("that could not be opened can be opened again", async () => {
    const { clock, near, far } = await setUp();
    const notes = new Notes();
    const feed = new Feed(near, clock, "b", notes);
    near.faults.fail = 1;
    await expect(feed.open(ample)).rejects.toMatchObject({ code: "unavailable" });
    await far.publish("b", "1", ample);
    near.faults.fail = 0;
    await feed.open(ample);
    await far.publish("b", "2", ample);
    expect(notes.bodies).toEqual(["2"]);
  });

  test("tells what has no offset beside it, in its own order", async () => {
    const { near, far, clock } = await setUp();
    const [channels, others] = [new Channels(near, clock, "s"), new Channels(far, clock, "s")];
    const notes = new Notes();
    const feed = channels.feed("x", notes);
    await feed.open(ample);
    await others.publish("x", "kept", { retention: ample });
    await others.publish("x", "passing");
    await clock.settle();
    expect(new Set(notes.bodies)).toEqual(new Set(["kept", "passing"]));
    near.cut();
    await others.publish("x", "lost");
    near.heal();
    await others.publish("x", "passing");
    await clock.advance(50);
    expect(notes.told.at(-2)).toEqual(gap(feed.position));
    feed.close();
  });

  test("that was opened without knowing of the history tells from where it came in, and what may be missing", async () => {
    const { publish, notes, feed, near, clock } = await setUp(false, 3);
    publish("4", "5");
    expect(notes.told).toEqual([gap({ offset: 3, epoch: expect.any(String) }), { body: "4", offset: 4 }, { body: "5", offset: 5 }]); // prettier-ignore
    near.cut();
    publish("6");
    near.heal();
    await clock.settle();
    expect([notes.bodies, feed.position!.offset]).toEqual([["4", "5", "6"], 6]);
  });
});

describe("a feed without history", () => {
  test("tells a gap where the engine was away", async () => {
    const { near, notes, join } = await setUp(false);
    near.cut();
    near.heal();
    expect(notes.told).toEqual([gap(undefined)]);
    expect(await join()).toEqual({ messages: [], from: undefined, recovered: true });
    expect(await join({ offset: 1, epoch: "e" })).toMatchObject({ recovered: false });
  });
});

describe("a feed that is closed", () => {
  test.each(["subscribe", "read"] as const)("while it waits for %s hears and tells nothing", async (wait) => {
    const feed = new Scripted();
    const opening = feed.feed.open(ample);
    if (wait === "read") await feed.clock.settle();
    feed.feed.close();
    await feed.clock.settle();
    if (wait === "read") {
      feed.bring(5);
      feed.answer([], 4);
    }
    await opening;
    feed.listener.interrupted();
    feed.bring(6);
    await feed.clock.advance(1000);
    expect([feed.told, feed.reads.length, feed.clock.timers]).toEqual([[], 0, 0]);
  });

  test("while it reads, waits or tries again tells nothing, and sets no timer", async () => {
    for (const state of ["reads", "waits", "tries again", "holds"]) {
      const feed = new Scripted();
      await feed.open(4);
      feed.bring(6);
      if (state === "holds") feed.listener.message({ body: "name of runAx", position: undefined });
      if (state === "reads" || state === "tries again") feed.listener.interrupted();
      if (state === "tries again") feed.reads.shift()!.fail();
      await feed.clock.settle();
      feed.feed.close();
      if (state === "reads") feed.answer([5, 6], 6);
      await feed.clock.settle();
      expect([feed.told, feed.clock.timers], state).toEqual([[], 0]);
    }
  });

  test("by its listener tells nothing more", async () => {
    const feed = new Scripted();
    await feed.open(4);
    feed.notes.message = () => feed.feed.close();
    feed.listener.interrupted();
    await feed.clock.settle();
    let told = 0;
    feed.notes.message = () => {
      told++;
      feed.feed.close();
    };
    feed.answer([5, 6, 7], 7);
    await feed.clock.advance(1000);
    expect([told, feed.clock.timers]).toEqual([1, 0]);
  });

  test("fails whoever joins", async () => {
    const feed = new Scripted();
    await feed.open(4);
    const joining = feed.feed.recover({ offset: 2, epoch: "e" }, 0, () => expect.unreachable());
    feed.feed.close();
    feed.answer([3, 4], 4);
    await expect(joining).rejects.toMatchObject({ code: "closed" });
    await expect(feed.feed.recover(undefined, 0, () => expect.unreachable())).rejects.toMatchObject({ code: "closed" });
  });
});

describe("who joins", () => {
  test("gets exactly what they missed", async () => {
    const { join, epoch, publish } = await setUp(true, 5);
    publish("6");
    const of = (offset: number) => ({ offset, epoch: epoch() });
    expect(await join(of(6))).toEqual({ messages: [], from: of(6), recovered: true });
    expect(await join(of(3))).toEqual({ messages: ["old 4", "old 5", "6"], from: of(3), recovered: true });
    expect(await join(of(0))).toMatchObject({ messages: { length: 6 }, from: of(0), recovered: true });
    expect(await join({ offset: 3, epoch: "other" })).toEqual({ messages: [], from: of(6), recovered: false });
    expect(await join(of(7))).toEqual({ messages: [], from: of(6), recovered: false });
  });

  test("gets the last messages, or as many as there are", async () => {
    const { join, epoch } = await setUp(true, 5);
    const of = (offset: number) => ({ offset, epoch: epoch() });
    expect(await join(undefined, 0)).toEqual({ messages: [], from: of(5), recovered: true });
    expect(await join(undefined, 2)).toEqual({ messages: ["old 4", "old 5"], from: of(3), recovered: true });
    expect(await join(undefined, 9000)).toMatchObject({ messages: { length: 5 }, from: of(0), recovered: true });
    const { join: empty } = await setUp();
    expect(await empty(undefined, 10)).toEqual({
      messages: [],
      from: { offset: 0, epoch: expect.any(String) },
      recovered: true,
    });
  });

  test("is told where that is not kept any more", async () => {
    const { clock, near, far } = await setUp();
    const notes = new Notes();
    const feed = new Feed(near, clock, "small", notes);
    const small: Retention = { size: 3, ttl: 60_000 };
    await feed.open(small);
    for (const n of upTo(10)) await far.publish("small", String(n), small);
    await clock.settle();
    const { epoch } = feed.position!;
    const results: Recovery[] = [];
    for (const offset of [6, 7]) await feed.recover({ offset, epoch }, 0, (recovery) => results.push(recovery));
    await feed.recover(undefined, 100, (recovery) => results.push(recovery));
    expect(results).toEqual([
      { messages: [], from: { offset: 10, epoch }, recovered: false },
      { messages: ["8", "9", "10"], from: { offset: 7, epoch }, recovered: true },
      { messages: ["8", "9", "10"], from: { offset: 7, epoch }, recovered: true },
    ]);
    feed.close();
  });

  test("gets what comes while they ask, whatever the engine answers of it, and no more than they want", async () => {
    for (const [to, last, messages] of [
      [4, undefined, ["e3", "e4", "e5", "e6"]],
      [5, undefined, ["e3", "e4", "e5", "e6"]],
      [8, undefined, ["e3", "e4", "e5", "e6"]],
      [4, 2, ["e5", "e6"]],
      [8, 4, ["e5", "e6"]],
      [8, 1, []],
    ] as const) {
      const feed = new Scripted();
      await feed.open(4);
      const since = last === undefined ? { offset: 2, epoch: "e" } : undefined;
      let result: Recovery | undefined;
      const joining = feed.feed.recover(since, last ?? 0, (recovery) => (result = recovery));
      feed.bring(5);
      feed.bring(6);
      feed.answer(last === undefined ? upTo(to, 3) : upTo(to, to - last + 1), to);
      await joining;
      expect(result).toEqual({ messages, from: { offset: 6 - messages.length, epoch: "e" }, recovered: true });
      expect(feed.feed.position!.offset).toBe(6);
    }
  });

  test("reads on where more comes while they ask than is held for them", async () => {
    const feed = new Scripted();
    await feed.open(4);
    let result: Recovery | undefined;
    const joining = feed.feed.recover({ offset: 2, epoch: "e" }, 0, (recovery) => (result = recovery));
    for (const offset of upTo(5000, 5)) feed.bring(offset);
    feed.answer([3, 4], 4, 4);
    await feed.clock.settle();
    feed.answer(upTo(1004, 5), 1004, 5000);
    await feed.clock.settle();
    expect(feed.reads[0]!.after).toBe(1004);
    feed.answer(upTo(4800, 1005), 4800, 5000);
    await joining;
    expect(result!.messages).toEqual(upTo(5000, 3).map((offset) => `e${offset}`));
  });

  test("is not lied to where messages are missed, or another epoch begins, while they ask", async () => {
    for (const epoch of ["e", "f"]) {
      const feed = new Scripted();
      await feed.open(4);
      let result: Recovery | undefined;
      const joining = feed.feed.recover({ offset: 2, epoch: "e" }, 0, (recovery) => (result = recovery));
      feed.listener.interrupted();
      const [mine] = feed.reads.splice(0, 1);
      feed.answer([9], 9, 9, epoch);
      await feed.clock.settle();
      if (epoch === "f") feed.answer([9], 9, 9, epoch);
      await feed.clock.settle();
      mine!.answer({ messages: ["e3", "e4"], to: 4, position: { offset: 4, epoch: "e" } });
      await feed.clock.settle();
      if (epoch === "e") feed.answer([9], 9);
      await joining;
      expect(result).toEqual({ messages: [], from: { offset: 9, epoch }, recovered: false });
    }
  });

  test("gets all of it from the engine where the feed has missed some while they ask", async () => {
    const feed = new Scripted();
    await feed.open(4);
    let result: Recovery | undefined;
    const joining = feed.feed.recover({ offset: 2, epoch: "e" }, 0, (recovery) => (result = recovery));
    const [mine] = feed.reads.splice(0, 1);
    feed.bring(5);
    feed.listener.interrupted();
    feed.answer([9], 9);
    await feed.clock.settle();
    const messages = upTo(7, 3).map((offset) => `e${offset}`);
    mine!.answer({ messages, to: 7, position: { offset: 7, epoch: "e" } });
    await feed.clock.settle();
    feed.answer([8, 9], 9);
    await joining;
    expect(result).toMatchObject({ messages: upTo(9, 3).map((offset) => `e${offset}`), recovered: true });
  });

  test("from a node that has heard more has the feed catch up first", async () => {
    const { near, publish, join, notes, feed } = await setUp(true, 2);
    near.cut();
    const [position] = publish("3");
    const joining = join(position);
    expect(feed.position!.offset).toBe(2);
    expect(await joining).toEqual({ messages: [], from: position, recovered: true });
    expect(notes.bodies).toEqual(["3"]);
  });

  test("is not joined where the feed cannot catch up, or nothing can be read", async () => {
    const { near, publish, join, epoch } = await setUp(true, 2);
    near.cut();
    const [position] = publish("3");
    near.faults.fail = 1;
    await expect(join(position)).rejects.toMatchObject({ code: "unavailable" });
    await expect(join({ offset: 1, epoch: epoch() })).rejects.toMatchObject({ code: "unavailable" });
  });
});
