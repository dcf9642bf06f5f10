import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { WireError } from "../../src/wire/errors.ts";
import { MAX_NUMBER, readNumber, writeNumber, type Cursor } from "../../src/wire/numbers.ts";
import { closeCodeOf } from "./support.ts";

const number = fc.oneof(
  fc.integer({ min: 0, max: MAX_NUMBER }),
  fc.integer({ min: 0, max: 2000 }),
  fc.constant(MAX_NUMBER),
);

/** Reads a number by the letter of PROTOCOL.md, "Numbers": its value and its length, or nothing where there is none. */
function readByTheBook(text: string): { value: bigint; length: number } | undefined {
  const digits = /^(?:[\x61-\x7f][\x60-\x7f]*)?[\x40-\x5f]/.exec(text)?.[0];
  if (digits === undefined) return undefined;
  let value = 0n;
  for (const digit of digits) value = value * 32n + BigInt(digit.charCodeAt(0) & 31);
  return value < 2n ** 31n ? { value, length: digits.length } : undefined;
}

describe("a number", () => {
  test.each([
    [0, "@"],
    [5, "E"],
    [31, "_"],
    [32, "a@"],
    [1023, "\x7f_"],
    [1024, "a`@"],
    [MAX_NUMBER, "a\x7f\x7f\x7f\x7f\x7f_"],
  ])("%i is %j", (value, text) => {
    expect(writeNumber(value)).toBe(text);
    expect(readNumber({ text, at: 0 })).toBe(value);
  });

  test("is read as it was written, wherever it stands, and the cursor is left behind it", () => {
    fc.assert(
      fc.property(number, fc.string(), fc.string(), (value, before, after) => {
        const written = writeNumber(value);
        const cursor: Cursor = { text: before + written + after, at: before.length };
        expect(readNumber(cursor)).toBe(value);
        expect(cursor.at).toBe(before.length + written.length);
      }),
    );
  });

  test("is written in its one form, of at most 7 characters", () => {
    fc.assert(
      fc.property(number, (value) => {
        const text = writeNumber(value);
        expect(text.length).toBeLessThanOrEqual(7);
        expect(readByTheBook(text)).toEqual({ value: BigInt(value), length: text.length });
      }),
    );
  });

  test("at each power of 32 takes one character more", () => {
    for (let digits = 1; digits < 7; digits++) {
      expect(writeNumber(32 ** digits - 1)).toHaveLength(digits);
      expect(writeNumber(32 ** digits)).toHaveLength(digits + 1);
    }
  });

  test("is read from any text just where the protocol has one", () => {
    const character = fc.integer({ min: 0x3d, max: 0x82 }).map((code) => String.fromCharCode(code));
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 10 }), (text) => {
        const expected = readByTheBook(text);
        const cursor: Cursor = { text, at: 0 };
        if (expected === undefined) {
          expect(closeCodeOf(() => readNumber(cursor))).toBe(1002);
          return;
        }
        expect(BigInt(readNumber(cursor))).toBe(expected.value);
        expect(cursor.at).toBe(expected.length);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ["nothing", ""],
    ["a leading zero", "`@"],
    ["a leading zero and no end", "`"],
    ["no last digit", "a"],
    ["no last digit before another character", "a E"],
    ["no last digit before a separator", "a\x1eE"],
    ["a decimal digit", "5"],
    ["a sign", "-A"],
    ["a space", " A"],
    ["2^31", "b`````@"],
    ["2^35 − 1", "\x7f\x7f\x7f\x7f\x7f\x7f_"],
    ["eight digits", "a``````@"],
    ["digits without end", "a".repeat(100_000)],
    ["a character beyond ASCII", "\xc1"],
    ["a character whose low byte would be a digit", "\u0141"],
    ["a multiple of 2^32, which 32-bit arithmetic would take for 0", "d`````@"],
  ])("is refused: %s", (_, text) => {
    expect(() => readNumber({ text, at: 0 })).toThrow(WireError);
    expect(closeCodeOf(() => readNumber({ text, at: 0 }))).toBe(1002);
  });
});
