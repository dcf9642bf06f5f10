import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { randomId } from "../../src/wire/random-id.ts";
import { fromText, toRecord, toText } from "../../src/session/session-text.ts";
import { foreignTexts, pollution, toRecordOf } from "./records.ts";

test("any JSON comes back as it was", () => {
  const member = fc.constantFrom("a", "constructor", "toString", "hasOwnProperty", "version", "data", "é\u2028\0");
  const data = fc.dictionary(fc.oneof(member, fc.string()), fc.jsonValue({ maxDepth: 4 }), { noNullPrototype: true });
  fc.assert(
    fc.property(data, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (data, version) => {
      const plain = JSON.parse(JSON.stringify(data)) as Record<string, unknown>;
      // What is left out: the next tests have it.
      fc.pre(!/__proto__|prototype/.test(JSON.stringify(data)));
      const record = { ...toRecordOf(plain), version };
      expect(fromText(toText(record))).toEqual(record);
    }),
  );
});

test("the version is the first member, whatever the order was", () => {
  const { version, ...others } = toRecordOf({ n: 1 });
  expect(toText({ ...others, version })).toBe('{"version":1,"created":1000.5,"seen":2000,"data":{"n":1}}');
});

test("a dead session keeps what leads to the next", () => {
  const dead = { next: randomId(), ticket: "t", until: 5 };
  for (const one of [{}, { next: dead.next }, dead]) {
    const record = { ...toRecordOf({}), cookie: { path: "/" }, dead: one };
    expect(fromText(toText(record))).toEqual(record);
  }
});

describe("what pollutes prototypes", () => {
  test("is not written, and the rest is", () => {
    const data = JSON.parse(pollution) as Record<string, unknown>;
    expect(toText(toRecordOf(data))).toBe(toText(toRecordOf({ list: [{ kept: 1 }], constructor: { name: "x" } })));
    expect(Object.hasOwn(data, "__proto__"), "the app's own is left alone").toBe(true);
  });

  test("is not read, however it is written", () => {
    const hidden = pollution.replaceAll("__proto__", "\\u005F\\u005fpro\\u0074o__");
    expect(JSON.parse(hidden)).toEqual(JSON.parse(pollution));
    for (const text of [pollution, hidden]) {
      const record = fromText(`{"version":1,"created":0,"seen":0,"data":${text}}`);
      expect(JSON.stringify(record?.data)).toBe('{"list":[{"kept":1}],"constructor":{"name":"x"}}');
    }
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe("what is not a record", () => {
  test.each(foreignTexts)("%s", (_, text) => {
    expect(fromText(text)).toBeUndefined();
  });

  test.each([
    ["not a text", 1],
    ["nothing", null],
    ["JSON in another order", '{"created":0,"version":1,"seen":0,"data":{}}'],
    ["JSON with room", '{ "version": 1, "created": 0, "seen": 0, "data": {} }'],
    ["two versions", '{"version":1,"version":2,"created":0,"seen":0,"data":{}}'],
    ["a version with an exponent", '{"version":1e0,"created":0,"seen":0,"data":{}}'],
  ])("%s", (_, text) => {
    expect(fromText(text)).toBeUndefined();
  });

  test.each([
    ["a Map", new Map()],
    ["data of a class", { version: 1, created: 0, seen: 0, data: new Date(0) }],
    ["NaN", { version: 1, created: Number.NaN, seen: 0, data: {} }],
    ["infinity", { version: 1, created: 0, seen: Number.POSITIVE_INFINITY, data: {} }],
    ["a BigInt", { version: 1n, created: 0, seen: 0, data: {} }],
  ])("%s", (_, value) => {
    expect(toRecord(value)).toBeUndefined();
  });
});

test("members that a record has not are left away", () => {
  expect(fromText('{"version":1,"created":0,"seen":0,"data":{},"admin":true}')).toEqual({
    version: 1,
    created: 0,
    seen: 0,
    data: {},
  });
});

test("deep data go in and out beside the name that unstorage looks for", () => {
  const data = { constructor: 1, deep: JSON.parse(`${"[".repeat(20_000)}${"]".repeat(20_000)}`) as unknown };
  const text = `{"version":1,"created":0,"seen":0,"data":{"constructor":1,"deep":${"[".repeat(20_000)}${"]".repeat(20_000)}}}`;
  expect(fromText(text)?.data["constructor"]).toBe(1);
  expect(() => toText(toRecordOf(data))).toThrow(RangeError);
});
