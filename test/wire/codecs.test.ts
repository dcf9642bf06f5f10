import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bodyText, bytes, json, text, toCodec } from "../../src/wire/codecs.ts";
import { isPrismError } from "../../src/wire/errors.ts";
import { fromUtf8, toUtf8, utf8Length } from "../../src/wire/utf8.ts";
import { closeCodeOf } from "./support.ts";

/** Any string at all: lone surrogates, separators, escapes and marks among its characters. */
const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
  fc.string({
    unit: fc.constantFrom("\x1b", "\x1e", "\ufeff", "\ud800", "\udfff", "\ud83d\ude00", "e", "s", "\u2028", "\0"),
  }),
);

const toWellFormed = (value: string): string => Buffer.from(value).toString();

const both = <Value>(decode: (body: string | Uint8Array) => Value, body: string): [Value, Value] => [
  decode(body),
  decode(toUtf8(body)),
];

describe("the text codec", () => {
  test("brings any text back from both kinds of packet, lone surrogates as U+FFFD", () => {
    fc.assert(
      fc.property(anyText, (value) => {
        const body = text.encode(value) as string;
        expect(body).not.toContain("\x1e");
        expect(toWellFormed(body)).toBe(body);
        expect(both(text.decode, body)).toEqual([toWellFormed(value), toWellFormed(value)]);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ["", ""],
    ["plain", "plain"],
    ["\x1b", "\x1be"],
    ["\x1e", "\x1bs"],
    ["\x1be\x1bs", "\x1bee\x1bes"],
    ["\ufeffmark", "\ufeffmark"],
    ["\ud83d\ude00", "\ud83d\ude00"],
    ["a\ud83d", "a\ufffd"],
    ["\ude00\ud83d", "\ufffd\ufffd"],
    ["\ud83d\x1b", "\ufffd\x1be"],
  ])("writes %j as %j", (value, body) => {
    expect(text.encode(value)).toBe(body);
  });

  test.each(["\x1b", "a\x1b", "\x1bx", "\x1b\x1b", "\x1b\x1be", "\x1bE", "\x1b\n", "\x1b😀", "\x1be\x1b"])(
    "refuses the escapes of %j with bad_input",
    (body) => {
      for (const form of [body, toUtf8(body)]) {
        expect(() => text.decode(form)).toThrow(expect.objectContaining({ code: "bad_input" }) as Error);
      }
    },
  );
});

describe("the JSON codec", () => {
  test("brings any value back from both kinds of packet, without the separator in between", () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), anyText, fc.dictionary(anyText, anyText)), (value) => {
        const body = json.encode(value) as string;
        expect(body).not.toContain("\x1e");
        expect(toWellFormed(body)).toBe(body);
        const expected = JSON.parse(JSON.stringify(value)) as unknown;
        expect(both(json.decode, body)).toEqual([expected, expected]);
      }),
      { numRuns: 1000 },
    );
  });

  test("writes nothing for undefined, and for what JSON leaves out", () => {
    expect([undefined, () => {}, Symbol("s"), { toJSON: () => undefined }].map((value) => json.encode(value))).toEqual([
      "",
      "",
      "",
      "",
    ]);
    expect(both(json.decode, "")).toEqual([undefined, undefined]);
  });

  test.each(["{", "\ufeff1", "undefined", "1 2", "'a'", " "])("throws for %j", (body) => {
    expect(() => json.decode(body)).toThrow(SyntaxError);
    expect(() => json.decode(toUtf8(body))).toThrow(SyntaxError);
  });

  test("leaves prototypes alone", () => {
    const value = json.decode('{"__proto__":{"admin":true},"constructor":1}') as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(value["admin"]).toBeUndefined();
    expect({}).not.toHaveProperty("admin");
  });

  test("reads JSON of any depth that a packet can hold", () => {
    const depth = 60_000;
    let value = json.decode("[".repeat(depth) + "]".repeat(depth));
    for (let i = 1; i < depth; i++) value = (value as unknown[])[0];
    expect(value).toEqual([]);
  });
});

describe("the bytes codec", () => {
  test("brings any bytes back", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (value) => {
        expect(bytes.decode(bytes.encode(value))).toEqual(value);
      }),
    );
  });

  test.each(["", "text"])("refuses the text %j with bad_input", (body) => {
    expect(() => bytes.decode(body)).toThrow(expect.objectContaining({ code: "bad_input" }) as Error);
  });
});

describe("invalid UTF-8", () => {
  const sequences: [string, number[]][] = [
    ["a lone continuation byte", [0x80]],
    ["a cut sequence of two", [0xc3]],
    ["a cut sequence of three", [0xe2, 0x82]],
    ["a cut sequence of four", [0xf0, 0x9f, 0x98]],
    ["an overlong NUL", [0xc0, 0x80]],
    ["an overlong slash of three", [0xe0, 0x80, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["a surrogate pair", [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]],
    ["more than U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
    ["a byte that never occurs", [0xff]],
    ["a continuation that is none", [0xe2, 0x28, 0xa1]],
  ];
  test.each(sequences)("is refused with 1007: %s", (_, broken) => {
    for (const decode of [fromUtf8, bodyText, json.decode, text.decode]) {
      expect(closeCodeOf(() => decode(Uint8Array.from([0x22, ...broken, 0x22])))).toBe(1007);
    }
  });
});

describe("UTF-8", () => {
  test("has the length that the encoder gives it", () => {
    fc.assert(
      fc.property(anyText, (value) => {
        expect(utf8Length(value)).toBe(new TextEncoder().encode(value).length);
      }),
      { numRuns: 2000 },
    );
  });

  test("has the length that the encoder gives it: each boundary", () => {
    const units = [
      "\x7f",
      "\x80",
      "\u07ff",
      "\u0800",
      "\ud7ff",
      "\ud800",
      "\udbff",
      "\udc00",
      "\udfff",
      "\ue000",
      "\uffff",
    ];
    for (const first of units) {
      for (const second of ["", ...units]) {
        for (const third of ["", ...units]) {
          const value = first + second + third;
          expect(utf8Length(value), JSON.stringify(value)).toBe(new TextEncoder().encode(value).length);
        }
      }
    }
  });

  test("keeps a byte order mark", () => {
    expect(fromUtf8(toUtf8("\ufeffa"))).toBe("\ufeffa");
  });
});

describe("the codec of a name", () => {
  test("is that of the name, JSON where none is said", () => {
    expect([toCodec(undefined), toCodec("json"), toCodec("text"), toCodec("bytes")]).toEqual([json, json, text, bytes]);
  });

  test("is one's own where there is one", () => {
    const own = toCodec({ encode: (value: number) => String(value), decode: Number });
    expect([own.encode(5), own.decode("5")]).toEqual(["5", 5]);
  });

  test.each(["toString", "__proto__", "JSON", ""])("is not there for %j", (name) => {
    expect(() => toCodec(name as "json")).toThrow(TypeError);
  });
});

test("errors of codecs are told to the peer", () => {
  try {
    bytes.decode("text");
  } catch (error) {
    expect(isPrismError(error, "bad_input")).toBe(true);
  }
  expect.assertions(1);
});

describe("a codec of one's own", () => {
  test("cannot end a frame and begin another", () => {
    const codec = toCodec({ encode: (value: string) => value, decode: (body) => body });
    expect(codec.encode("plain")).toBe("plain");
    expect(() => codec.encode("a\x1e#@")).toThrow(TypeError);
    expect(codec.encode(Uint8Array.of(0x1e))).toEqual(Uint8Array.of(0x1e));
  });
});
