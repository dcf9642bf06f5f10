import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { values } from "../../src/service/values.ts";
import { checkDepth } from "../../src/service/depth.ts";
import { bytes, json, text } from "../../src/wire/codecs.ts";
import { toUtf8 } from "../../src/wire/utf8.ts";

function depthOf(value: unknown): number {
  return typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
}

describe("the depth of JSON", () => {
  test("is what it is, in text and in bytes, whatever strings hold", () => {
    const tricky = fc.string({ unit: fc.constantFrom("[", "]", "{", "}", '"', "\\", "a", "é") });
    const { value: tree } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 6 },
        tricky,
        fc.integer(),
        fc.array(tie("value")),
        fc.dictionary(tricky, tie("value")),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        const body = JSON.stringify(value);
        const depth = depthOf(value);
        for (const form of [body, toUtf8(body)]) {
          expect(() => checkDepth(json, form, depth)).not.toThrow();
          if (depth > 0) expect(() => checkDepth(json, form, depth - 1)).toThrow(/nested deeper/);
        }
      }),
    );
  });

  test.each([10 ** 3, 10 ** 4, 10 ** 5, 10 ** 6])("of %d levels is refused before anything is parsed", (levels) => {
    expect(() => checkDepth(json, "[".repeat(levels), 512)).toThrow(expect.objectContaining({ code: "bad_input" }));
  });

  test("is no matter where there is no JSON", () => {
    const deep = "[".repeat(1_000);
    expect(() => checkDepth(text, deep, 5)).not.toThrow();
    expect(() => checkDepth(bytes, toUtf8(deep), 5)).not.toThrow();
    expect(() => checkDepth(values, values.encode(toUtf8(deep)), 5)).not.toThrow();
  });
});
