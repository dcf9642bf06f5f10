import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { serverClock } from "../../src/server/clock.ts";
import type { Socket } from "../../src/socket/socket.ts";
import {
  createNetwork,
  FakeClock,
  type LineOptions,
  type Network,
  type NetworkOptions,
} from "../../src/testing/testing.ts";
import { describePair, listen } from "../socket/contract.ts";

const kinds: readonly LineOptions[] = [
  {},
  { latency: 7 },
  { latency: [0, 9] },
  { bandwidth: 0.5 },
  { latency: [1, 3], bandwidth: 1 },
];
describe.each(kinds)("a line with %j", (options) => {
  describePair("is like a pair of sockets", (clock) => {
    const { near, far } = createNetwork({ clock, ...options }).connect();
    return [near, far];
  });
  describePair("is so from its far end", (clock) => {
    const { near, far } = createNetwork({ clock, ...options }).connect();
    return [far, near];
  });
});

/** A line, and what its ends hear, each with the time since the beginning. */
function setUp(options: NetworkOptions = {}) {
  const network = createNetwork(options);
  const { clock } = network;
  const start = clock.now();
  const line = network.connect();
  const timed = (socket: Socket): [number, unknown][] => {
    const heard: [number, unknown][] = [];
    const note = (what: unknown): void => void heard.push([clock.now() - start, what]);
    socket.onmessage = note;
    socket.onclose = (code, reason) => note([code, reason]);
    socket.ondrain = () => note("drain");
    return heard;
  };
  return { network, clock, line, ...line, atNear: timed(line.near), atFar: timed(line.far) };
}

const count = (socket: Socket, from: number, to: number): void => {
  for (let i = from; i < to; i++) socket.send(String(i));
};
const numbers = (heard: readonly (readonly [number, unknown])[]): number[] =>
  heard
    .map(([, what]) => what)
    .filter((what) => typeof what === "string" && what !== "drain")
    .map(Number);
const upTo = (length: number): number[] => Array.from({ length }, (_, i) => i);

describe("latency", () => {
  test("is as long as it is said, in both directions, whatever else is on its way", () => {
    const { clock, near, far, line, atNear, atFar } = setUp({ latency: 20 });
    near.send("a");
    clock.advanceSync(5);
    near.send("b");
    far.send("c");
    expect(line.toFar.messages).toBe(2);
    clock.advanceSync(50);
    expect(atFar).toEqual([
      [5, "drain"],
      [20, "a"],
      [25, "b"],
    ]);
    expect(atNear).toEqual([
      [0, "drain"],
      [5, "drain"],
      [25, "c"],
    ]);
    expect([line.toFar.messages, clock.timers]).toEqual([0, 0]);
  });

  test("is within its bounds, and none overtakes another", () => {
    const { clock, near, atFar } = setUp({ latency: [10, 12] });
    for (let i = 0; i < 200; i++) {
      near.send(String(i));
      clock.advanceSync(10);
    }
    clock.advanceSync(50);
    expect(numbers(atFar)).toEqual(upTo(200));
    const took = atFar.filter(([, what]) => what !== "drain").map(([at], i) => at - 10 * i);
    expect(new Set(took)).toEqual(new Set([10, 11, 12]));
    // Were it drawn only once for all of a turn, they would come together.
    const { clock: other, near: sender, atFar: heard } = setUp({ latency: [0, 1_000] });
    count(sender, 0, 50);
    other.advanceSync(2_000);
    expect(numbers(heard)).toEqual(upTo(50));
    expect(new Set(heard.map(([at]) => at)).size).toBeGreaterThan(3);
  });

  test("can be changed for one direction, while messages are on their way", () => {
    const { clock, near, far, line, atNear, atFar } = setUp({ latency: 100 });
    near.send("a");
    clock.advanceSync(10);
    line.toFar.latency = 5;
    near.send("b");
    far.send("c");
    clock.advanceSync(200);
    expect(atFar.filter(([, what]) => what !== "drain")).toEqual([
      [100, "a"],
      [100, "b"],
    ]);
    expect(atNear.at(-1)).toEqual([110, "c"]);
  });

  test.each([-1, NaN, Infinity, [5, 4], [-1, 4], [0, Infinity]] as const)("is not %j", (latency) => {
    expect(() => createNetwork({ latency })).toThrow(RangeError);
    expect(() => createNetwork().connect({ latency })).toThrow(RangeError);
    expect(() => (createNetwork().connect().toNear.latency = latency)).toThrow(/^Latency of /);
  });
});

describe("bandwidth", () => {
  test("lets bytes wait, and says when none do", () => {
    const { clock, near, atNear, atFar } = setUp({ bandwidth: 10, latency: 1 });
    for (const text of ["a".repeat(20), "b".repeat(30), ""]) near.send(text);
    const waiting: number[] = [];
    for (let i = 0; i < 6; i++) {
      waiting.push(near.bufferedAmount);
      clock.advanceSync(1);
    }
    expect(waiting).toEqual([50, 50, 30, 30, 30, 0]);
    clock.advanceSync(5);
    expect(atFar).toEqual([
      [3, "a".repeat(20)],
      [6, "b".repeat(30)],
      [6, ""],
    ]);
    expect(atNear).toEqual([[5, "drain"]]);
  });

  test("is each direction's own", () => {
    const { clock, near, far, line, atFar, atNear } = setUp();
    line.toFar.bandwidth = 1;
    near.send("abc");
    far.send("def");
    clock.advanceSync(10);
    expect([atFar, atNear]).toEqual([
      [
        [0, "drain"],
        [3, "abc"],
      ],
      [
        [0, "def"],
        [3, "drain"],
      ],
    ]);
  });

  test.each([0, -1, NaN])("is not %j", (bandwidth) => {
    expect(() => createNetwork({ bandwidth })).toThrow(RangeError);
    expect(() => createNetwork().connect({ bandwidth })).toThrow(RangeError);
    expect(() => (createNetwork().connect().toFar.bandwidth = bandwidth)).toThrow(/^Bandwidth of /);
  });
});

describe("stall", () => {
  test("lets nothing move until it is resumed, and nothing be lost", () => {
    const { clock, near, far, line, atNear, atFar } = setUp({ latency: 10 });
    count(near, 0, 2);
    clock.advanceSync(5);
    line.stall();
    count(near, 2, 5);
    far.send("x");
    clock.advanceSync(1_000);
    expect([atFar, near.bufferedAmount, far.bufferedAmount]).toEqual([[], 3, 1]);
    expect(clock.timers).toBe(0);
    line.resume();
    expect(atFar).toEqual([]);
    clock.advanceSync(100);
    expect(numbers(atFar)).toEqual(upTo(5));
    // Those that were on their way, at once; the others have theirs before them.
    expect(atFar.filter(([, what]) => what !== "drain").map(([at]) => at)).toEqual([1_005, 1_005, 1_015, 1_015, 1_015]);
    expect(atNear).toEqual([
      [0, "drain"],
      [1_005, "drain"],
      [1_015, "x"],
    ]);
  });

  test("is over after its time, in its direction alone; the last one counts", () => {
    const { clock, near, far, line, atNear, atFar } = setUp();
    line.toFar.stall(5);
    line.toFar.stall(50);
    near.send("a");
    far.send("b");
    clock.advanceSync(49);
    expect([atFar, atNear]).toEqual([[[0, "drain"]], [[0, "b"]]]);
    clock.advanceSync(1);
    expect([atFar.at(-1), atNear.at(-1)]).toEqual([
      [50, "a"],
      [50, "drain"],
    ]);
    line.stall(10);
    line.resume();
    expect(clock.timers).toBe(0);
    line.stall();
    near.send("c");
    clock.advanceSync(100);
    expect(near.bufferedAmount).toBe(1);
  });

  test("has the network begin anew with what it was taking", () => {
    const { clock, near, line, atFar } = setUp({ bandwidth: 1 });
    near.send("0123456789");
    clock.advanceSync(9);
    line.stall(100);
    clock.advanceSync(200);
    expect(atFar).toEqual([[119, "0123456789"]]);
  });

  test("from within a handler holds what is behind", () => {
    const { clock, near, line, far, atFar } = setUp();
    const note = far.onmessage;
    far.onmessage = (data) => {
      note.call(far, data);
      line.toFar.stall(5);
    };
    count(near, 0, 3);
    clock.advanceSync(20);
    expect(atFar).toEqual([
      [0, "0"],
      [5, "1"],
      [10, "2"],
    ]);
  });

  test("leaves no timer behind where the line ends", () => {
    const { clock, near, line, atNear, atFar } = setUp();
    line.toNear.stall(1_000);
    near.close(1000);
    clock.advanceSync(1);
    expect([atFar, atNear]).toEqual([[[0, [1000, ""]]], []]);
    line.resume();
    clock.runTurns();
    expect([atNear, clock.timers]).toEqual([[[1, [1000, ""]]], 0]);
    line.stall(1_000);
    line.cut({ within: 1_000 });
    expect(clock.timers).toBe(0);
  });
});

describe("halfOpen", () => {
  test("has neither end hear anything, until it is cut", () => {
    const { clock, network, near, far, line, atNear, atFar } = setUp({ latency: 5 });
    count(near, 0, 3);
    clock.advanceSync(1);
    line.halfOpen();
    far.send("x");
    near.send("y");
    near.close(1000);
    clock.advanceSync(100_000);
    expect([atNear, atFar, clock.timers]).toEqual([[[0, "drain"]], [], 0]);
    expect([near.bufferedAmount, far.bufferedAmount, network.lines]).toEqual([0, 0, [line]]);
    line.cut();
    clock.runTurns();
    expect([atNear.slice(1), atFar]).toEqual([[[100_001, [1006, ""]]], [[100_001, [1006, ""]]]]);
    expect(network.lines).toEqual([]);
  });

  test("is one direction's alone as silence, and drains what waited", () => {
    const { clock, near, far, line, atNear, atFar } = setUp();
    line.toFar.stall();
    near.send("lost");
    clock.runTurns();
    line.toFar.silence();
    far.send("heard");
    clock.advanceSync(10);
    expect(atFar).toEqual([[0, "drain"]]);
    expect(new Set(atNear.map(([, what]) => what))).toEqual(new Set(["drain", "heard"]));
    far.close(1001);
    clock.advanceSync(10);
    // Its answer is lost.
    expect([atNear.at(-1), atFar.length]).toEqual([[10, [1001, ""]], 1]);
  });
});

describe("close", () => {
  test("comes after what is under way, at both ends, and nothing after it", () => {
    const { clock, network, near, far, line, atNear, atFar } = setUp({ latency: 5 });
    near.send("a");
    line.close(1012, "restart");
    near.send("b");
    far.send("c");
    clock.advanceSync(3);
    near.close(4000);
    clock.advanceSync(100);
    expect(atFar).toEqual([
      [0, "drain"],
      [5, "a"],
      [5, [1012, "restart"]],
    ]);
    expect(atNear).toEqual([
      [0, "drain"],
      [5, [1012, "restart"]],
    ]);
    expect([network.lines, line.open, clock.timers]).toEqual([[], false, 0]);
    line.close();
    clock.advanceSync(100);
    expect([atFar.length, atNear.length]).toEqual([3, 2]);
  });

  test("has nothing left to do for what is sent behind it", () => {
    const { clock, near, far, line, atNear, atFar } = setUp({ bandwidth: 0.1 });
    line.toFar.stall();
    line.close();
    far.send("x".repeat(100));
    clock.advanceSync(1);
    expect([atNear, far.bufferedAmount, clock.timers]).toEqual([[[0, [1001, ""]]], 0, 0]);
    near.send("never");
    far.send("never");
    line.toFar.resume();
    clock.advanceSync(1);
    expect([atFar.at(-1), clock.timers]).toEqual([[1, [1001, ""]], 0]);
  });

  test("says 1001 where no code is given", () => {
    const { clock, line, atNear } = setUp();
    line.close();
    expect(atNear).toEqual([]);
    clock.runTurns();
    expect(atNear).toEqual([[0, [1001, ""]]]);
  });
});

describe("cut", () => {
  test("keeps the first few of what is under way, in each direction by itself, by chance", () => {
    const kept = new Set<string>();
    for (let seed = 0; seed < 300; seed++) {
      const { clock, near, far, line, atNear, atFar } = setUp({ latency: [1, 9], seed });
      count(near, 0, 2);
      clock.advanceSync(0);
      count(near, 2, 3);
      count(far, 0, 2);
      line.cut();
      expect([atNear.slice(1), atFar]).toEqual([[], []]);
      clock.advanceSync(0);
      expect([atNear.at(-1), atFar.at(-1)]).toEqual([
        [0, [1006, ""]],
        [0, [1006, ""]],
      ]);
      expect(numbers(atFar)).toEqual(upTo(numbers(atFar).length));
      expect(numbers(atNear)).toEqual(upTo(numbers(atNear).length));
      kept.add(`${numbers(atFar).length} ${numbers(atNear).length}`);
      expect([clock.timers, near.bufferedAmount, far.bufferedAmount]).toEqual([0, 0, 0]);
    }
    expect(kept.size).toBe(4 * 3);
  });

  test("is heard of within a time, by each end at its own", () => {
    const nears: number[] = [];
    const fars: number[] = [];
    for (let seed = 0; seed < 100; seed++) {
      const { clock, near, line, atNear, atFar, network } = setUp({ latency: 50, seed });
      count(near, 0, 1);
      clock.advanceSync(1);
      line.cut({ within: 100 });
      near.send("9");
      expect(network.lines).toEqual([line]);
      clock.advanceSync(100);
      nears.push(atNear.at(-1)![0]);
      fars.push(atFar.at(-1)![0]);
      expect([atNear.at(-1)![1], atFar.at(-1)![1]]).toEqual([
        [1006, ""],
        [1006, ""],
      ]);
      // What comes, comes at its time, or before the end does.
      for (const [at, what] of atFar) if (what === "0") expect(at).toBe(Math.min(50, fars.at(-1)!));
      expect(network.lines).toEqual([]);
    }
    for (const times of [nears, fars]) {
      expect(Math.min(...times)).toBeLessThan(20);
      expect(Math.max(...times)).toBeGreaterThan(80);
    }
    expect(nears.some((at, i) => at < fars[i]!) && nears.some((at, i) => at > fars[i]!)).toBe(true);
  });

  test("may lose a close, its answer, or neither", () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      const { clock, near, line, atNear, atFar } = setUp({ latency: 5, seed });
      near.close(1000);
      clock.advanceSync(seed % 12);
      line.cut();
      clock.advanceSync(20);
      const codes = [...atNear, ...atFar].map(([, what]) => (what as [number])[0]);
      expect(codes).toHaveLength(2);
      outcomes.add(String(codes));
    }
    expect([...outcomes].toSorted()).toEqual(["1000,1000", "1006,1000", "1006,1006"]);
  });

  test("cuts what is stalled, what is cut, and what is closing, once for each end", () => {
    const { clock, near, line, atNear, atFar } = setUp({ latency: 5 });
    line.stall(10);
    count(near, 0, 9);
    line.cut({ within: 50 });
    line.close(1001);
    line.cut({ within: 5 });
    clock.advanceSync(5);
    expect([atNear.at(-1)![1], atFar.at(-1)![1]]).toEqual([
      [1006, ""],
      [1006, ""],
    ]);
    line.cut();
    clock.advanceSync(100);
    const closings = [...atNear, ...atFar].filter(([, what]) => Array.isArray(what));
    expect([closings.length, clock.timers]).toEqual([2, 0]);
  });

  test("from within a handler loses what is behind, or not, but twice nothing", () => {
    const kept = new Set<number>();
    for (let seed = 0; seed < 50; seed++) {
      const { clock, near, far, line, atFar } = setUp({ seed });
      const note = far.onmessage;
      far.onmessage = (data) => {
        note.call(far, data);
        if (data === "1") line.cut();
      };
      count(near, 0, 4);
      clock.runTurns();
      expect(numbers(atFar)).toEqual(upTo(numbers(atFar).length));
      kept.add(numbers(atFar).length);
    }
    expect(kept).toEqual(new Set([2, 3, 4]));
  });
});

describe("a network", () => {
  test("lists its lines while they are open, in order", () => {
    const network = createNetwork();
    const [a, b, c] = [network.connect(), network.connect(), network.connect()] as const;
    expect(network.lines).toEqual([a, b, c]);
    b.near.close();
    expect(network.lines).toEqual([a, b, c]);
    network.clock.runTurns();
    expect([network.lines, b.open]).toEqual([[a, c], false]);
    a.halfOpen();
    a.near.close();
    a.far.close();
    expect(network.lines).toEqual([c]);
  });

  test("gives a line what it is told, and its own otherwise", () => {
    const network = createNetwork({ latency: 5, bandwidth: 100 });
    const line = network.connect({ latency: [1, 2] });
    expect([line.toFar.latency, line.toNear.bandwidth]).toEqual([[1, 2], 100]);
    expect(network.connect({ bandwidth: 1 }).toNear).toMatchObject({ latency: 5, bandwidth: 1 });
  });

  test("goes by a real clock as well", async () => {
    const network = createNetwork({ clock: serverClock, latency: 5, bandwidth: 1 });
    const { near, far } = network.connect();
    const heard = listen(far);
    near.send("ab");
    near.send("c");
    await new Promise<void>((resolve) => (near.ondrain = resolve));
    near.close(1000);
    await new Promise((resolve) => (near.onclose = resolve));
    expect(heard).toEqual(["ab", "c", [1000, ""]]);
  });

  test("draws nothing from the clock", () => {
    const clock = new FakeClock({ seed: 3 });
    const { near } = createNetwork({ clock, latency: [1, 9] }).connect();
    near.send("a");
    clock.advanceSync(20);
    expect(clock.random()).toBe(new FakeClock({ seed: 3 }).random());
  });

  test("carries 200,000 messages in 20 to 50 ms", () => {
    const measure = (options: LineOptions): number => {
      const { clock, near, far } = setUp(options);
      let got = 0;
      far.onmessage = () => got++;
      const start = performance.now();
      for (let turn = 0; turn < 1_000; turn++) {
        for (let i = 0; i < 200; i++) near.send("0123456789");
        clock.advanceSync(1);
      }
      clock.advanceSync(100);
      expect(got).toBe(200_000);
      return performance.now() - start;
    };
    for (const options of [{}, { latency: 5 }, { latency: [1, 9] }, { bandwidth: 10_000 }] as const)
      expect(measure(options), JSON.stringify(options)).toBeLessThan(2_000);
  });
});

/** One thing that happens on a line. */
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("send" as const), near: fc.boolean(), bytes: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(12) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("stall" as const), near: fc.boolean(), ms: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("resume", "cut", "late", "end", "halfOpen") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("close" as const), near: fc.boolean() }) },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** Does it all, and gives what each end has heard, and how many each has sent. */
function play(steps: readonly Step[], options: NetworkOptions) {
  const stage = setUp(options);
  const { clock, line, near, far } = stage;
  const sent = { near: 0, far: 0 };
  for (const step of steps) {
    if (step.do === "send") {
      const text = String(step.near ? sent.near++ : sent.far++);
      (step.near ? near : far).send(step.bytes ? new TextEncoder().encode(text) : text);
    } else if (step.do === "wait") clock.advanceSync(step.ms);
    else if (step.do === "stall") (step.near ? line.toNear : line.toFar).stall(step.ms);
    else if (step.do === "close") (step.near ? near : far).close(1000);
    else if (step.do === "resume") line.resume();
    else if (step.do === "cut") line.cut();
    else if (step.do === "late") line.cut({ within: 10 });
    else if (step.do === "end") line.close(1012);
    else line.halfOpen();
  }
  clock.advanceSync(5_000);
  return { ...stage, sent };
}

const networks = fc.record({
  seed: fc.nat(),
  latency: fc.oneof(fc.nat(9), fc.constantFrom([0, 5] as const, [3, 20] as const)),
  bandwidth: fc.constantFrom(Infinity, 0.3, 2),
});

describe("whatever happens", () => {
  const text = (what: unknown): unknown => (what instanceof Uint8Array ? new TextDecoder().decode(what) : what);

  test("what arrives is what was sent, in order, without gaps and doubles, and one close ends it", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), networks, (steps, options) => {
        const { clock, line, near, far, atNear, atFar, sent, network } = play(steps, options);
        const silent = steps.some((step) => step.do === "halfOpen");
        const ending = steps.some((step) => !["send", "wait", "stall", "resume"].includes(step.do));
        for (const [heard, total] of [[atFar, sent.near] as const, [atNear, sent.far] as const]) {
          const got = heard.filter(([, what]) => what !== "drain" && !Array.isArray(what));
          expect(got.map(([, what]) => text(what))).toEqual(upTo(got.length).map(String));
          expect(got.length).toBeLessThanOrEqual(total);
          if (!ending) expect(got.length).toBe(total);
          const closes = heard.filter(([, what]) => Array.isArray(what));
          if (!silent) expect(closes.length).toBe(ending ? 1 : 0);
          if (closes.length > 0) expect(heard.at(-1)).toBe(closes[0]);
        }
        expect([clock.timers, near.bufferedAmount, far.bufferedAmount]).toEqual([0, 0, 0]);
        expect(network.lines).toEqual(line.open ? [line] : []);
        if (!silent) expect(line.open).toBe(!ending);
        // In the end there is a way to be rid of every line.
        line.cut();
        clock.runTurns();
        for (const heard of [atNear, atFar]) expect(heard.filter(([, what]) => Array.isArray(what))).toHaveLength(1);
      }),
      { numRuns: 2_000 },
    );
  });

  test("the same seed gives the same run, to the ms", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), networks, (steps, options) => {
        const [first, second] = [play(steps, options), play(steps, options)];
        expect([first.atNear, first.atFar]).toEqual([second.atNear, second.atFar]);
      }),
      { numRuns: 300 },
    );
  });

  test("another seed gives another", () => {
    const steps = upTo(20).flatMap((): Step[] => [
      { do: "send", near: true, bytes: false },
      { do: "wait", ms: 2 },
    ]);
    const runs = upTo(50).map((seed) => {
      const { atFar } = play([...steps, { do: "late" }], { seed, latency: [1, 20] });
      return JSON.stringify(atFar);
    });
    expect(new Set(runs).size).toBe(50);
  });
});

/** `network.clock` is the fake one where none is given, and the given one otherwise; types only. */
export const typed = (network: Network, clock: FakeClock): FakeClock[] => [
  network.clock,
  createNetwork({ clock }).clock,
];
