import { describe, expect, test } from "vitest";
import { RunReader, RunWriter } from "../../src/broker/runs.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { createRandom } from "../../src/testing/random.ts";
import { fromUtf8, toUtf8 } from "../../src/wire/utf8.ts";
import type { Body } from "../../src/wire/frames.ts";
import { writeNumber } from "../../src/wire/numbers.ts";
import { upTo } from "./stage.ts";

const gap = "(gap)";

function setUp(onNext: (body: string) => void = () => {}) {
  const clock = new FakeClock();
  const told: string[] = [];
  const reader = new RunReader(clock, {
    next: (body) => {
      told.push(typeof body === "string" ? body : fromUtf8(body));
      onNext(told.at(-1)!);
    },
    gap: () => void told.push(gap),
  });
  /** Messages as they would be published, from 0. */
  const publish = (count: number, of = new RunWriter()): Body[] => upTo(count).map((n) => of.write("a", String(n - 1)));
  return { clock, told, reader, publish };
}

/** A message of a run with such a number. */
const numbered = (number: number, run = "name of run"): string => run + writeNumber(number) + String(number);

describe("a run", () => {
  test("comes as it was published, texts and bytes", () => {
    const { told, reader, clock } = setUp();
    const writer = new RunWriter();
    for (const body of ["", "é\u{1f600}", "x".repeat(100), toUtf8("bytes"), new Uint8Array()])
      reader.take(writer.write("a", body));
    expect(told).toEqual(["", "é\u{1f600}", "x".repeat(100), "bytes", ""]);
    expect(clock.timersSet).toBe(0);
  });

  test("is put in order, each message once, without a wait for what has come", () => {
    const { told, reader, publish, clock } = setUp();
    const [zero, one, two, three] = publish(4) as [Body, Body, Body, Body];
    for (const message of [one, one, three, zero]) reader.take(message);
    // It is known at once that 0 is the first.
    expect(told).toEqual(["0", "1"]);
    for (const message of [two, two, zero, one, three]) reader.take(message);
    expect(told).toEqual(["0", "1", "2", "3"]);
    clock.advanceSync(1000);
    expect(told).toHaveLength(4);
  });

  test("of each publisher and channel is one of its own", () => {
    const { told, reader } = setUp();
    const [a, b] = [new RunWriter(), new RunWriter()];
    for (const n of upTo(3)) {
      reader.take(a.write("a", `a${n}`));
      reader.take(a.write("other", `o${n}`));
      reader.take(b.write("a", `b${n}`));
    }
    expect(told).toEqual(["a1", "o1", "b1", "a2", "o2", "b2", "a3", "o3", "b3"]);
  });

  test("has a gap where something does not come for 50 ms, and not before", () => {
    const { told, reader, publish, clock } = setUp();
    const [zero, one, two, three] = publish(4) as [Body, Body, Body, Body];
    reader.take(zero);
    reader.take(two);
    clock.advanceSync(49);
    expect(told).toEqual(["0"]);
    // That it comes twice does not have it wait for longer.
    reader.take(two);
    clock.advanceSync(1);
    expect(told).toEqual(["0", gap, "2"]);
    // What comes when it was given up is not told any more.
    reader.take(one);
    reader.take(three);
    clock.advanceSync(1000);
    expect([told, clock.timers]).toEqual([["0", gap, "2", "3"], 0]);
  });

  test("waits its own time, whatever waited before", () => {
    const { told, reader, publish, clock } = setUp();
    const all = publish(6);
    for (const n of [0, 2]) reader.take(all[n]!);
    clock.advanceSync(40);
    // The first hole is filled; another begins.
    for (const n of [1, 4]) reader.take(all[n]!);
    clock.advanceSync(49);
    expect(told).toEqual(["0", "1", "2"]);
    reader.take(all[3]!);
    expect(told).toEqual(["0", "1", "2", "3", "4"]);
    expect(clock.advanceSync(100)).toBeUndefined();
    expect(told).not.toContain(gap);
  });

  test("with several holes waits for each no longer than what is behind it has waited", () => {
    const { told, reader, publish, clock } = setUp();
    const all = publish(10);
    for (const n of [0, 2, 4]) reader.take(all[n]!);
    clock.advanceSync(30);
    reader.take(all[8]!);
    clock.advanceSync(20);
    expect(told).toEqual(["0", gap, "2", gap, "4"]);
    clock.advanceSync(29);
    expect(told).toHaveLength(5);
    clock.advanceSync(1);
    expect(told.slice(5)).toEqual([gap, "8"]);
  });

  test("that is come into in the middle begins after 50 ms, with all that came meanwhile and no gap", () => {
    const { told, reader, clock } = setUp();
    for (const n of [8, 7, 9, 7]) reader.take(numbered(n));
    clock.advanceSync(49);
    expect(told).toEqual([]);
    clock.advanceSync(1);
    expect(told).toEqual(["7", "8", "9"]);
    for (const n of [9, 10, 7, 8]) reader.take(numbered(n));
    expect(told).toEqual(["7", "8", "9", "10"]);
  });

  test("that is come into in the middle has a gap where something from before comes later than that, once", () => {
    const { told, reader, clock } = setUp();
    reader.take(numbered(7));
    clock.advanceSync(50);
    for (const n of [8, 6, 5, 6, 9]) reader.take(numbered(n));
    expect(told).toEqual(["7", "8", gap, "9"]);
  });

  test("goes on with 0 behind the largest number, also where it is come into just there", () => {
    const { told, reader, clock } = setUp();
    const largest = 0x7fffffff;
    for (const n of [largest - 1, 0, largest, 2]) reader.take(numbered(n));
    clock.advanceSync(20);
    for (const n of [1, largest, 0]) reader.take(numbered(n));
    clock.advanceSync(30);
    expect(told).toEqual([largest - 1, largest, 0, 1, 2].map(String));
  });

  test("that was in order stays so over the largest number", () => {
    const { told, reader, clock } = setUp();
    const largest = 0x7fffffff;
    reader.take(numbered(largest - 2));
    clock.advanceSync(50);
    for (const n of [largest, largest - 1, 1, largest - 1, 0, largest, 2]) reader.take(numbered(n));
    expect(told).toEqual([largest - 2, largest - 1, largest, 0, 1, 2].map(String));
    clock.advanceSync(1000);
    expect([told.length, clock.timers]).toEqual([6, 0]);
  });

  test("is given up where more than 1,024 messages wait", () => {
    const { told, reader } = setUp();
    reader.take(numbered(0));
    for (const n of upTo(1025, 2)) reader.take(numbered(n));
    expect(told).toEqual(["0"]);
    reader.take(numbered(1026));
    expect(told).toEqual(["0", gap, ...upTo(1026, 2).map(String)]);
    reader.take(numbered(1027));
    expect(told.at(-1)).toBe("1027");
  });

  test("is not confused by what listeners publish while they hear", () => {
    const writer = new RunWriter();
    const all = upTo(6).map((n) => writer.write("a", String(n - 1)));
    const { told, reader, clock } = setUp((body) => {
      if (body === "2") for (const n of [3, 4, 5]) reader.take(all[n]!);
    });
    for (const n of [0, 2, 3, 5]) reader.take(all[n]!);
    clock.advanceSync(1000);
    expect(told).toEqual(["0", gap, "2", "3", "4", "5"]);
  });

  test("that is closed tells nothing more, and sets no timer", () => {
    const { told, reader, clock } = setUp((body) => body === "2" && reader.close());
    for (const n of [0, 2, 3, 5]) reader.take(numbered(n));
    clock.advanceSync(1000);
    expect([told, clock.timers]).toEqual([["0", gap, "2"], 0]);
  });

  test("is none where somebody else has published", () => {
    const { told, reader, clock } = setUp();
    for (const body of [
      "",
      "short",
      "name of run",
      "name of run\x7f",
      "name of run`@",
      new Uint8Array(3),
      "name of runé",
    ])
      reader.take(body);
    clock.advanceSync(1000);
    expect(told).toEqual([]);
  });

  test("that is used is not forgotten, however many others there are", () => {
    const { told, reader, clock } = setUp();
    const writer = new RunWriter();
    const names = new Set<string>();
    reader.take(numbered(7));
    clock.advanceSync(50);
    for (const n of upTo(30_000)) {
      reader.take(writer.write(`channel ${n}`, "other"));
      if (n % 1000 !== 0) continue;
      reader.take(numbered(7 + n / 1000));
      names.add((writer.write("a", "") as string).slice(0, 11));
    }
    expect(told.filter((one) => one !== "other")).toEqual(upTo(37, 7).map(String));
    expect([names.size, clock.timersSet]).toEqual([1, 1]);
  });

  test("is whole and in order under any shuffle within its patience", () => {
    for (const seed of upTo(300)) {
      const { told, reader, clock } = setUp();
      const random = createRandom(seed);
      const [a, b] = [new RunWriter(), new RunWriter()];
      const sent: string[] = [];
      for (const n of upTo(60)) {
        for (const [name, writer] of [
          ["a", a],
          ["b", b],
        ] as const) {
          const message = writer.write("a", `${name}${n}`);
          // One of them is come into in the middle.
          if (name === "b" && n < 10) continue;
          sent.push(`${name}${n}`);
          clock.setTimer(() => reader.take(message), random() * 40);
          if (random() < 0.3) clock.setTimer(() => reader.take(message), random() * 200);
        }
        clock.advanceSync(random() * 20);
      }
      clock.advanceSync(1000);
      for (const name of ["a", "b"])
        expect(
          told.filter((one) => one.startsWith(name)),
          `seed ${seed}`,
        ).toEqual(sent.filter((one) => one.startsWith(name)));
      expect(told, `seed ${seed}`).not.toContain(gap);
    }
  });
});
