import { describe, expect, onTestFinished, test } from "vitest";
import type { Handover } from "../../src/handover/handover.ts";

/** A handover of its own, with nothing in it. */
export interface HandoverStage {
  readonly handover: Handover;
  /** Another server's, through which the first one's texts come. */
  readonly other: Handover;
  /** Lets time go by. */
  pass(ms: number): Promise<void>;
  /** Whether nothing is kept, what nobody can take any more included. */
  isEmpty(): Promise<boolean>;
  close?(): Promise<void>;
}

const minute = 60_000;
const longKey = `${"Az09_-:.".repeat(24)}12345678`;
const texts: readonly (readonly [what: string, text: string])[] = [
  ["nothing", ""],
  ["separators, NUL and controls", '"\u2028\u2029\u0000\u0001\r\n\t\\"'],
  ["quotes", `{"'\`":"\\"\\\\"}`],
  ["emoji and other planes", "👩‍👩‍👧‍👦 \u{10ffff} é e\u0301 \ufeff \uffff"],
  ["escaped lone surrogates", JSON.stringify("\ud800 \udfff")],
  ["a number", "12345678901234567890.10"],
  ["what looks like JSON", ' {"a": [1, null]} '],
  ["a script's false", "false"],
];

/**
 * What everything that connections are handed over through must hold.
 *
 * @param name its name
 * @param open makes one
 */
export function describeHandover(name: string, open: () => Promise<HandoverStage>): void {
  async function setUp(): Promise<HandoverStage> {
    const stage = await open();
    onTestFinished(() => stage.close?.());
    return stage;
  }

  describe(name, () => {
    test("gives what was parked, on any server, and once", async () => {
      const { handover, other, isEmpty } = await setUp();
      await handover.park("a", "mine", minute);
      await handover.park("b", "yours", minute);
      expect(await isEmpty()).toBe(false);
      expect(await other.take("b")).toBe("yours");
      expect(await handover.take("a")).toBe("mine");
      for (const one of [handover, other]) {
        expect(await one.take("a")).toBeUndefined();
        expect(await one.take("b")).toBeUndefined();
      }
      expect(await isEmpty()).toBe(true);
    });

    test("gives nothing where nothing was parked", async () => {
      const { handover, isEmpty } = await setUp();
      expect(await handover.take("a")).toBeUndefined();
      expect(await isEmpty()).toBe(true);
    });

    test("gives what was parked last", async () => {
      const { handover, other } = await setUp();
      await handover.park("a", "old", minute);
      await other.park("a", "new", minute);
      expect(await handover.take("a")).toBe("new");
      expect(await other.take("a")).toBeUndefined();
    });

    test("parks again what was taken", async () => {
      const { handover, other } = await setUp();
      for (const text of ["one", "two", "three"]) {
        await handover.park("a", text, minute);
        expect(await other.take("a")).toBe(text);
      }
    });

    test("forgets what nobody takes in time, and nothing before", async () => {
      const { handover, pass, isEmpty } = await setUp();
      await handover.park("short", "x", 100);
      await handover.park("long", "x", minute);
      await handover.park("fraction", "x", 0.5);
      await pass(200);
      expect(await handover.take("short")).toBeUndefined();
      expect(await handover.take("long")).toBe("x");
      expect(await handover.take("fraction")).toBeUndefined();

      await handover.park("left", "x", 100);
      await pass(1_500);
      expect(await isEmpty()).toBe(true);
    });

    test("counts the time from the last parking", async () => {
      const { handover, pass } = await setUp();
      await handover.park("longer", "old", 100);
      await handover.park("longer", "new", minute);
      await handover.park("shorter", "old", minute);
      await handover.park("shorter", "new", 100);
      await pass(200);
      expect(await handover.take("longer")).toBe("new");
      expect(await handover.take("shorter")).toBeUndefined();
    });

    test("gives a text to one of fifty that ask at once", async () => {
      const { handover, other } = await setUp();
      for (let round = 0; round < 10; round++) {
        await handover.park("a", `round ${round}`, minute);
        const all = await Promise.all(Array.from({ length: 50 }, (_, at) => (at % 2 ? handover : other).take("a")));
        expect(all.filter((text) => text !== undefined)).toEqual([`round ${round}`]);
      }
    });

    test("gives each of many texts once, while they are parked", async () => {
      const { handover, other, isEmpty } = await setUp();
      const keys = Array.from({ length: 100 }, (_, at) => `key${at}`);
      const parking = keys.map((key) => handover.park(key, key, minute));
      const early = await Promise.all(keys.map((key) => other.take(key)));
      await Promise.all(parking);
      const late = await Promise.all(keys.flatMap((key) => [other.take(key), handover.take(key)]));
      expect([...early, ...late].filter((text) => text !== undefined).toSorted()).toEqual(keys.toSorted());
      expect(await isEmpty()).toBe(true);
    });

    test.each(texts)("gives a text as it was: %s", async (_, text) => {
      const { handover, other } = await setUp();
      await handover.park("a", text, minute);
      expect(await other.take("a")).toBe(text);
    });

    test("gives large texts", async () => {
      const { handover, other } = await setUp();
      const text = JSON.stringify('é"'.repeat(2 ** 20));
      expect(text.length).toBeGreaterThan(2 * 2 ** 20);
      await handover.park("a", text, minute);
      expect((await other.take("a")) === text).toBe(true);
    });

    test("keeps keys apart", async () => {
      const { handover, other } = await setUp();
      expect(longKey).toHaveLength(200);
      const keys = ["a", "a:", ":a", "a:b", "A", "a.b", "__proto__", "constructor", longKey, longKey.slice(0, -1)];
      await Promise.all(keys.map((key) => handover.park(key, `at ${key}`, minute)));
      for (const key of keys) {
        expect(await other.take(key)).toBe(`at ${key}`);
        expect(await handover.take(key)).toBeUndefined();
      }
    });
  });
}
