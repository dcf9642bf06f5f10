import { describe, expect, test } from "vitest";
import type { ServerOutboxLimits } from "../../src/connection/options.ts";
import { ServerOutbox } from "../../src/connection/server-outbox.ts";
import type { Frame } from "../../src/wire/frames.ts";

const MODULO = 2 ** 31;

function create(limits: Partial<ServerOutboxLimits> = {}, heard = true): ServerOutbox {
  const outbox = new ServerOutbox({ replayFrames: 4, replayLimit: 100, sendLimit: 50, ...limits }, heard);
  outbox.keeps = true;
  return outbox;
}

/** Sends frames, and gives what a socket is given. */
function give(outbox: ServerOutbox, ...frames: Frame[]): readonly Frame[] {
  for (const frame of frames) outbox.offer(frame, true);
  return outbox.take();
}

/** What a next socket replays. */
function replay(outbox: ServerOutbox, from: number): readonly Frame[] {
  outbox.replay(from);
  return outbox.take();
}

describe("what is kept for a peer that acknowledges", () => {
  test("is at most so many frames: the others wait, in order", () => {
    const outbox = create();
    expect(give(outbox, "Aa", "Ab", "Ac", "Ad", "Ae", "Af")).toEqual(["Aa", "Ab", "Ac", "Ad"]);
    expect([outbox.sent, outbox.size, outbox.due]).toEqual([4, 4, true]);
    expect(outbox.take()).toEqual([]);
    outbox.acknowledge(1);
    expect(outbox.take()).toEqual(["Ae"]);
    outbox.acknowledge(5);
    expect(give(outbox, "Ag")).toEqual(["Af", "Ag"]);
    expect([outbox.sent, outbox.size, outbox.due]).toEqual([7, 0, false]);
  });

  test("weighs at most so much, to the byte", () => {
    const outbox = create({ replayFrames: 1024, sendLimit: 1_000 });
    expect(give(outbox, "A".repeat(60), "B".repeat(40), "C")).toHaveLength(2);
    outbox.acknowledge(1);
    expect(outbox.take()).toEqual(["C"]);
  });

  test("may be one frame that is longer than all that may be kept, alone", () => {
    const outbox = create();
    const long = "L".repeat(1_000);
    for (const frame of ["Aa", "Ab"]) outbox.offer(frame, true);
    expect(outbox.take()).toEqual(["Aa", "Ab"]);
    outbox.offer(long, true);
    outbox.pushCall("?@@");
    expect(outbox.take()).toEqual([]);
    outbox.acknowledge(1);
    expect(outbox.take()).toEqual([]);
    outbox.acknowledge(2);
    expect(outbox.take()).toEqual([long]);
    expect(outbox.take()).toEqual([]);
    expect(replay(outbox, 2)).toEqual([long]);
    outbox.acknowledge(3);
    expect(outbox.take()).toEqual(["?@@"]);
  });

  test("is nothing where nothing is kept", () => {
    const outbox = create();
    outbox.keeps = false;
    expect(give(outbox, "Aa", "Ab", "Ac", "Ad", "Ae")).toHaveLength(5);
    expect(outbox.roomy).toBe(true);
    expect(replay(outbox, 5)).toEqual([]);
  });
});

describe("for a peer that was never heard", () => {
  test("the oldest are forgotten, and nothing is held back", () => {
    const outbox = create({}, false);
    expect(give(outbox, "Aa", "Ab", "Ac", "Ad", "Ae", "Af")).toHaveLength(6);
    expect(outbox.offered(1)).toBeUndefined();
    expect(outbox.offered(0)).toBeUndefined();
    expect(outbox.offered(2)).toBe(2);
    expect(replay(outbox, 2)).toEqual(["Ac", "Ad", "Ae", "Af"]);
  });

  test("whoever can wait does not: there may never be an acknowledgement", () => {
    const outbox = create({}, false);
    give(outbox, "Aa", "Ab", "Ac", "Ad");
    expect(outbox.roomy).toBe(true);
    outbox.acknowledge(0);
    expect(outbox.roomy).toBe(false);
  });

  test("the last is kept, however long", () => {
    const outbox = create({}, false);
    give(outbox, "Aa", "L".repeat(1_000));
    expect(replay(outbox, 1)).toEqual(["L".repeat(1_000)]);
  });

  test("what was forgotten may be acknowledged later, and from then on frames are held back", () => {
    const outbox = create({}, false);
    give(outbox, "Aa", "Ab", "Ac", "Ad", "Ae", "Af");
    outbox.acknowledge(1);
    expect(outbox.offered(1)).toBeUndefined();
    expect(give(outbox, "Ag")).toEqual([]);
    outbox.acknowledge(3);
    expect(outbox.take()).toEqual(["Ag"]);
    expect(outbox.offered(2)).toBe(3);
    expect(replay(outbox, 3)).toEqual(["Ad", "Ae", "Af", "Ag"]);
  });
});

describe("what waits", () => {
  test("overflows with a socket behind what the socket may hold, without one behind what may be kept", () => {
    const outbox = create();
    expect(outbox.offer("A".repeat(50), true)).toBe(true);
    expect(outbox.offer("A", true)).toBe(true);
    expect(outbox.offer("A", true)).toBe(false);
    expect(outbox.offer("A".repeat(49), false)).toBe(true);
    expect(outbox.offer("A", false)).toBe(false);
    expect(outbox.size).toBe(100);
  });

  test("overflows without a socket at as many frames as may be kept, those that are kept included", () => {
    const outbox = create();
    give(outbox, "Aa", "Ab");
    expect(["Ac", "Ad", "Ae"].map((frame) => outbox.offer(frame, false))).toEqual([true, true, false]);
    outbox.acknowledge(1);
    expect(outbox.offer("Ae", false)).toBe(true);
  });

  test("does not overflow for calls, however many, nor where this end answers for itself", () => {
    const outbox = create();
    for (let i = 0; i < 100; i++) outbox.pushCall(`?@${i}`);
    expect(outbox.offer("Aa", false)).toBe(true);
    expect(outbox.offer("Ab", true)).toBe(true);
    const client = create({ sendLimit: Infinity });
    for (let i = 0; i < 100; i++) expect(client.offer("A".repeat(100), i % 2 === 0)).toBe(true);
  });

  test("is weighed rightly after a part of it was taken, calls apart", () => {
    const outbox = create({ replayFrames: 2 });
    outbox.pushCall("?".repeat(40));
    outbox.offer("A".repeat(10), true);
    outbox.pushCall("?".repeat(30));
    outbox.offer("B".repeat(20), true);
    expect(outbox.take()).toHaveLength(2);
    expect(outbox.size).toBe(50);
    // 20 of it are no calls: 30 more may come, and one.
    expect(outbox.offer("C".repeat(30), true)).toBe(true);
    expect(outbox.offer("D", true)).toBe(true);
    expect(outbox.offer("E", true)).toBe(false);
    outbox.acknowledge(2);
    expect(outbox.take()).toEqual(["?".repeat(30), "B".repeat(20)]);
    expect(outbox.size).toBe(31);
  });
});

describe("an acknowledgement", () => {
  test("must be between the last and what was sent", () => {
    const outbox = create();
    give(outbox, "Aa", "Ab", "Ac");
    outbox.acknowledge(2);
    for (const count of [1, 0, 4, MODULO - 1]) {
      expect(() => outbox.acknowledge(count), `${count}`).toThrow(expect.objectContaining({ closeCode: 1002 }));
    }
    outbox.acknowledge(2);
    outbox.acknowledge(3);
    expect(replay(outbox, 3)).toEqual([]);
  });
});

describe("a count that is offered", () => {
  test("is taken where all that follows it is kept; an older one is that of the last acknowledged", () => {
    const outbox = create();
    give(outbox, "Aa", "Ab", "Ac");
    outbox.acknowledge(1);
    expect([0, 1, 2, 3, 4].map((count) => outbox.offered(count))).toEqual([1, 1, 2, 3, undefined]);
  });

  test("is older by no more than was ever sent", () => {
    const outbox = create();
    give(outbox, "Aa", "Ab");
    outbox.acknowledge(2);
    give(outbox, "Ac");
    expect([0, MODULO - 1].map((count) => outbox.offered(count))).toEqual([2, undefined]);
    const other = create();
    other.unpark(outbox.park());
    expect([0, MODULO - 1].map((count) => other.offered(count))).toEqual([2, undefined]);
  });

  test.each([0, 5, MODULO - 3, MODULO - 1])("may be older, round 2^31 from %d, and not in the future", (start) => {
    const outbox = create();
    outbox.unpark({ sent: start, total: 2 ** 31 + start, acknowledged: start, heard: true, kept: [], waiting: [] });
    give(outbox, "Aa", "Ab", "Ac", "Ad");
    outbox.acknowledge((start + 2) % MODULO);
    const offered = (by: number): number | undefined => outbox.offered((start + by + MODULO) % MODULO);
    const at = (by: number): number => (start + by) % MODULO;
    expect([2, 3, 4].map(offered)).toEqual([2, 3, 4].map(at));
    expect([1, 0, -1, -1_000, 2 - 2 ** 30 + 1].map(offered)).toEqual(Array.from({ length: 5 }, () => at(2)));
    expect([5, 6, 1_000, 2 - 2 ** 30].map(offered)).toEqual(Array.from({ length: 4 }, () => undefined));
    expect(replay(outbox, at(3))).toEqual(["Ad"]);
  });
});

describe("whoever waits for room", () => {
  const waiting = async (outbox: ServerOutbox, then: () => void): Promise<boolean> => {
    let woken = false;
    void outbox.room().then(() => (woken = true));
    await Promise.resolve();
    expect(woken).toBe(false);
    then();
    await Promise.resolve();
    return woken;
  };

  test("has it below half of the frames, and half of the weight, kept and waiting together", () => {
    const outbox = create();
    give(outbox, "Aa");
    expect(outbox.roomy).toBe(true);
    outbox.offer("Ab", true);
    expect(outbox.roomy).toBe(false);
    outbox.take();
    outbox.acknowledge(2);
    expect(outbox.roomy).toBe(true);
    const heavy = create({ replayFrames: 1024 });
    give(heavy, "A".repeat(30));
    heavy.offer("A".repeat(19), true);
    expect(heavy.roomy).toBe(true);
    heavy.offer("A", true);
    expect(heavy.roomy).toBe(false);
  });

  test("is woken by the acknowledgement that makes it, and by none before", async () => {
    const outbox = create();
    give(outbox, "Aa", "Ab", "Ac");
    expect(await waiting(outbox, () => outbox.acknowledge(1))).toBe(false);
    expect(await waiting(outbox, () => outbox.acknowledge(2))).toBe(true);
  });

  test("is woken by a next socket whose peer has more, by the end, and when asked to", async () => {
    const outbox = create();
    give(outbox, "Aa", "Ab", "Ac");
    expect(await waiting(outbox, () => outbox.replay(1))).toBe(false);
    expect(await waiting(outbox, () => outbox.replay(3))).toBe(true);
    give(outbox, "Ad", "Ae", "Af");
    expect(await waiting(outbox, () => outbox.wake())).toBe(true);
    expect(await waiting(outbox, () => outbox.clear())).toBe(true);
    expect([outbox.size, outbox.due, outbox.roomy]).toEqual([0, false, true]);
    expect(outbox.take()).toEqual([]);
  });
});
