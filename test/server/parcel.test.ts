import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readParcel, writeParcel, type Parcel } from "../../src/server/parcel.ts";
import { MAX_NUMBER } from "../../src/wire/numbers.ts";

const parcel: Parcel = {
  id: "id",
  session: "session",
  met: true,
  token: "token",
  nextToken: "next",
  table: { it: [0, "open", ["a"]] },
  wire: {
    received: 1,
    taken: [0, 2],
    sent: 3,
    total: 3,
    acknowledged: 2,
    heard: true,
    kept: ["@1"],
    waiting: [new Uint8Array([64, 0])],
  },
  state: { a: 1 },
  services: new Map([["it", { b: 2 }]]),
};

const count = fc.nat({ max: MAX_NUMBER });
const text = fc.string({
  unit: fc.oneof(fc.constantFrom("\ud800", "\udfff", "\u2028", "\x1e", "\0", "t", "b"), fc.string()),
});
const frame = fc.oneof(text, fc.uint8Array({ minLength: 1 }));
const record = fc.dictionary(text, fc.jsonValue({ noUnicodeString: false }));

/** As JSON has it: `-0` is 0, and so on. */
const plain = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;

test("what is written is read as it was", () => {
  const anything = fc.record({
    id: text,
    session: fc.option(text, { nil: undefined }),
    met: fc.boolean(),
    token: fc.option(text, { nil: undefined }),
    nextToken: fc.option(text, { nil: undefined }),
    table: fc.dictionary(fc.string(), fc.tuple(count, fc.string())),
    wire: fc.record({
      received: count,
      taken: fc.array(count),
      sent: count,
      total: fc.maxSafeNat(),
      acknowledged: count,
      heard: fc.boolean(),
      kept: fc.array(frame),
      waiting: fc.array(frame),
    }),
    state: record,
    services: fc.array(fc.tuple(text, fc.jsonValue())).map((entries) => new Map(entries)),
  });
  fc.assert(
    fc.property(anything, (given) => {
      const { table, state, services, ...rest } = readParcel(writeParcel(given));
      expect(rest).toEqual({
        id: given.id,
        session: given.session,
        met: given.met,
        token: given.token,
        nextToken: given.nextToken,
        wire: given.wire,
      });
      expect([table, state]).toEqual([plain(given.table), plain(given.state)]);
      expect([...services]).toEqual([...given.services].map(([name, parked]) => [name, plain(parked)]));
    }),
  );
});

test("is JSON that stores take: no lone surrogate is in it", () => {
  const written = writeParcel({
    ...parcel,
    state: { "\ud800": "\udc00x" },
    wire: { ...parcel.wire, kept: ["@\ud83d"] },
  });
  expect(written).not.toMatch(/\p{Surrogate}/u);
  expect(readParcel(written)).toMatchObject({ state: { "\ud800": "\udc00x" }, wire: { kept: ["@\ud83d"] } });
});

test("each byte is as it was, and a frame is bytes or text as it was", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
  const { kept } = readParcel(
    writeParcel({ ...parcel, wire: { ...parcel.wire, kept: [bytes, "b@1", "t@1", ""] } }),
  ).wire;
  expect(kept).toEqual([bytes, "b@1", "t@1", ""]);
  expect(kept[0]).toBeInstanceOf(Uint8Array);
});

test.each([undefined, 0, 2, "1"])("another version is not read: %s", (version) => {
  const other = JSON.stringify({ ...(JSON.parse(writeParcel(parcel)) as object), version });
  expect(() => readParcel(other)).toThrow(`Cannot read a connection that version ${version} has parked`);
});

describe("state", () => {
  class Cart {
    readonly items: string[] = [];
  }
  const foreign = (key: string, value: unknown): string[] => {
    try {
      writeParcel({ ...parcel, state: { deep: [{ [key]: value }] } });
      return [];
    } catch (error) {
      return [(error as Error).message];
    }
  };

  test.each([
    ["a Date", new Date(0)],
    ["one of a class", new Cart()],
    ["a Map", new Map()],
    ["a Set", new Set()],
    ["bytes", new Uint8Array(1)],
    ["a function", () => {}],
    ["a symbol", Symbol("s")],
    ["an error", new Error("e")],
    ["a regular expression", /x/],
    [
      "what has a toJSON of a class",
      new (class {
        toJSON = () => 1;
      })(),
    ],
  ])("that would come back as something else is refused: %s", (_, value) => {
    expect(foreign("key", value)).toEqual([
      `The connection's state has "key", which is not JSON: it cannot be handed over`,
    ]);
  });

  test.each([
    ["NaN", NaN],
    ["Infinity", -Infinity],
    ["a bigint", 1n],
  ])("that JSON does not have is refused: %s", (_, value) => {
    expect(foreign("key", value)).toHaveLength(1);
  });

  test.each([
    ["null", null],
    ["text", "x"],
    ["a number", 1.5],
    ["false", false],
    ["a list", [1, [2]]],
    ["an object without a prototype", Object.assign(Object.create(null), { a: 1 })],
  ])("that is JSON is taken: %s", (_, value) => {
    expect(foreign("key", value)).toEqual([]);
  });

  test("that is nothing is left out, as JSON does", () => {
    const { state } = readParcel(writeParcel({ ...parcel, state: { a: undefined, b: 1 } }));
    expect(state).toStrictEqual({ b: 1 });
  });

  test("that goes round in a circle is refused", () => {
    const state: Record<string, unknown> = {};
    state["self"] = state;
    expect(() => writeParcel({ ...parcel, state })).toThrow(TypeError);
  });
});
