import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Numbering, type Table } from "../../src/server/numbering.ts";
import { MAX_NUMBER, writeNumber } from "../../src/wire/numbers.ts";
import type { Frame } from "../../src/wire/frames.ts";

const theirs: Table = { a: [0, "x", ["init"]], b: [1, "y"], gone: [2, "x"], other: [3, "x"] };
const ours: Table = { b: [0, "y", ["mine"]], a: [40, "x", ["new"]], other: [2, "z"], fresh: [3, "x"] };

describe("numbers of another release", () => {
  const numbering = new Numbering(theirs, ours);

  test("are those of the services with the same names and kinds", () => {
    expect([0, 1, 2, 3, 4].map((number) => numbering.inbound(number))).toEqual([40, 0, -1, -1, -1]);
    expect([0, 1, 2, 3, 40].map((number) => numbering.outbound(number))).toEqual([
      1,
      undefined,
      undefined,
      undefined,
      0,
    ]);
  });

  test("come with the init that their client was given", () => {
    expect([40, 0, 2, 3, 99].map((number) => numbering.initOf(number))).toEqual([
      ["init"],
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(numbering.table).toBe(theirs);
  });

  test.each<[Frame, Frame | undefined]>([
    ['@"x"', 'A"x"'],
    ["@", "A"],
    ['aH"x"', '@"x"'],
    ['B"x"', undefined],
    ['C"x"', undefined],
    [new Uint8Array([0x40, 0, 255]), new Uint8Array([0x41, 0, 255])],
    [new Uint8Array([0x61, 0x48, 0x48]), new Uint8Array([0x40, 0x48])],
    [new Uint8Array([0x42]), undefined],
  ])("stand in a message in place of ours: %j", (frame, expected) => {
    expect(numbering.message(frame)).toEqual(expected);
  });
});

const number = fc.nat({ max: MAX_NUMBER });
const kind = fc.constantFrom("x", "y");
const toTable = (entries: [string, number, string][]): Table => {
  const seen = new Set<number>();
  const table = entries.filter(([, one]) => !seen.has(one) && seen.add(one));
  return Object.fromEntries(table.map(([name, one, its]) => [name, [one, its]]));
};
const table = fc
  .uniqueArray(fc.tuple(fc.constantFrom("a", "b", "c", "d", "e", "f"), number, kind), { selector: ([name]) => name })
  .map(toTable);

test("there and back is where one was, for each name that both have", () => {
  fc.assert(
    fc.property(table, table, (client, server) => {
      const numbering = new Numbering(client, server);
      for (const [name, [one, its]] of Object.entries(client)) {
        const own = server[name];
        const same = own !== undefined && own[1] === its;
        expect(numbering.inbound(one)).toBe(same ? own[0] : -1);
        if (same) expect(numbering.outbound(own[0])).toBe(one);
      }
      for (const [name, [own]] of Object.entries(server)) {
        const back = numbering.outbound(own);
        if (back !== undefined) expect([client[name]?.[0], numbering.inbound(back)]).toEqual([back, own]);
      }
    }),
  );
});

test("a message has its body as it was, whatever the numbers", () => {
  const body = fc.oneof(fc.string({ unit: "binary" }), fc.uint8Array());
  fc.assert(
    fc.property(number, number, body, (one, own, content) => {
      const numbering = new Numbering({ it: [one, "x"] }, { it: [own, "x"] });
      const [from, to] = [writeNumber(own), writeNumber(one)];
      if (typeof content === "string") {
        expect(numbering.message(from + content)).toBe(to + content);
        return;
      }
      const bytes = (header: string): Uint8Array => new Uint8Array([...new TextEncoder().encode(header), ...content]);
      expect(numbering.message(bytes(from))).toEqual(bytes(to));
    }),
  );
});
