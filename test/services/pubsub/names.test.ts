import fc from "fast-check";
import { expect, test } from "vitest";
import * as v from "valibot";
import { fromSegment, toCanonical, toName, toSegment } from "../../../src/services/pubsub/names.ts";
import { fits, match, Patterns, readPattern, readWanted } from "../../../src/services/pubsub/patterns.ts";
import { channel, event, pubsub } from "../../../src/services/pubsub/server.ts";

test.each([
  ["a/b", "a/b"],
  ["caf%65", "cafe"],
  ["a/%7e", "a/~"],
  ["a%2fb", "a%2Fb"],
  ["cafe\u0301", "caf%C3%A9"],
  ["cafe%CC%81", "caf%C3%A9"],
  ["caf\u00e9", "caf%C3%A9"],
  ["a b!'()*", "a%20b%21%27%28%29%2A"],
  ["%25zz", "%25zz"],
  ["__proto__/constructor", "__proto__/constructor"],
  ["../.", "../."],
])("%s is %s", (name, canonical) => {
  expect(toCanonical(name)).toBe(canonical);
  expect(toCanonical(canonical)).toBe(canonical);
});

test.each(["", "/", "a/", "/a", "a//b", "%zz", "a%2", "%", "%ff", "\ud800", "a".repeat(257), "é".repeat(128)])(
  "%j is no name",
  (name) => {
    expect(() => toCanonical(name)).toThrow(expect.objectContaining({ code: "bad_input" }));
  },
);

test("256 characters are a name", () => {
  expect(toCanonical("a".repeat(256))).toHaveLength(256);
});

test("any text stands in a segment, and comes back; forms that mean the same are one", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }), (text) => {
      const segment = toSegment(text);
      expect(segment).toMatch(/^[A-Za-z0-9._~%-]+$/);
      expect(fromSegment(segment)).toBe(text.normalize("NFC"));
      expect(toCanonical(segment)).toBe(segment);
      expect(toSegment(text.normalize("NFD"))).toBe(segment);
    }),
  );
});

test("parameters are escaped, and nothing of the language is one", () => {
  expect(toName("a/:x/:y", { x: "b/c", y: 5 })).toBe("a/b%2Fc/5");
  expect(toName("caf\u00e9/a b")).toBe("caf%C3%A9/a%20b");
  for (const params of [{}, { x: "" }, Object.create({ x: "a" }) as object])
    expect(() => toName("a/:x", params as never)).toThrow(expect.objectContaining({ code: "bad_input" }));
  expect(() => toName("a/:constructor", {})).toThrow("missing");
  expect(() => toName(":__proto__", {})).toThrow("missing");
});

test.each([
  "",
  "a//b",
  "a/*",
  "a b",
  "%zz",
  "a%2fb",
  ":",
  ":a-b",
  ":x/:x",
  ":__proto__",
  ":constructor",
  "a".repeat(257),
])("%j is no pattern", (text) => {
  expect(() => readPattern(text)).toThrow(TypeError);
});

test("a name belongs to the pattern that says most of it, in whatever order they were given", () => {
  const texts = [":a/:b", ":a", ":a/x", "chat/:room", "chat/lobby", "chat/lobby/:x", "~~/x", ":q/:r/s"];
  fc.assert(
    fc.property(fc.shuffledSubarray(texts, { minLength: texts.length }), (given) => {
      const patterns = new Patterns<string>();
      for (const text of given) patterns.add(text, text);
      const find = (name: string): string | undefined => patterns.find(name)?.value;
      expect(["q/x", "q/y", "q", "chat/lobby", "chat/a", "chat/x", "chat/lobby/z", "~~/x", "a/b/c"].map(find)).toEqual([
        ":a/x",
        ":a/:b",
        ":a",
        "chat/lobby",
        "chat/:room",
        "chat/:room",
        "chat/lobby/:x",
        "~~/x",
        undefined,
      ]);
    }),
  );
});

test("patterns that fit the same names are refused, and only those", () => {
  const patterns = new Patterns<number>();
  patterns.add("a/:x", 1);
  expect(() => patterns.add("a/:y", 2)).toThrow("fit the same names");
  patterns.add("a/~~", 3);
  patterns.add(":y/a", 4);
  expect(match(readPattern("a/:x"), "a/b%2Fc")).toEqual({ x: "b/c" });
});

test("what a listener wants", () => {
  const cases: [string, string, boolean][] = [
    ["a/*", "a/b", true],
    ["a/*", "a/b/c", false],
    ["a/:room", "a/b", true],
    ["a/**", "a/b/c", true],
    ["a/**", "a", false],
    ["**", "a", true],
    ["é/x", "%C3%A9/x", true],
    ["a", "b", false],
  ];
  for (const [wanted, name, yes] of cases)
    expect([wanted, name, fits(readWanted(wanted), name)]).toEqual([wanted, name, yes]);
});

test("what cannot be declared is refused where it is", () => {
  const message = v.number();
  // @ts-expect-error no schema
  expect(() => channel({})).toThrow("needs a schema");
  expect(() => channel({ message, input: message })).toThrow("needs both");
  expect(() => channel({ message, publish: () => 1 })).toThrow("needs both");
  const wrong: unknown[] = [
    { message, input: 5, publish: () => 1 },
    { message, subscribe: false },
  ];
  expect(() => channel(wrong[0] as never)).toThrow("not a schema");
  expect(() => channel(wrong[1] as never)).toThrow("Not a function");
  for (const history of [
    { size: 0, ttl: 1_000 },
    { size: 10_001, ttl: 1_000 },
    { size: 1.5, ttl: 1_000 },
  ])
    expect(() => channel({ message, history })).toThrow(RangeError);
  for (const ttl of [999, Number.NaN, Infinity])
    expect(() => channel({ message, history: { size: 1, ttl } })).toThrow(RangeError);
  expect(() => event(message, undefined as never)).toThrow("needs a schema");
  expect(() => pubsub({ "a/:x": channel({ message }), "a/:y": channel({ message }) })).toThrow("fit the same names");
  for (const name of ["__proto__x y", "constructor", "a b", ""])
    expect(() => pubsub({}, { receives: { [name]: event(message, () => 1) } })).toThrow(TypeError);
});
