import { Buffer } from "node:buffer";
import { procedures, services, UNWANTED, type ServiceName } from "./app.ts";
import { joinFrame, writeNumber, type Body } from "./grammar.ts";
import type { Random } from "./random.ts";

const STRINGS = [
  "",
  "x",
  "\u0000",
  "\u001b",
  "\u001be\u001bs",
  "\u001bx",
  "\u001e",
  "\u2028\u2029",
  "\ufeff",
  "\ud800",
  "\udc00x\ud83d",
  "😀é€",
  "__proto__",
  "constructor",
  "toString",
  "then",
  "fail",
  "separate",
  "huge",
  "await",
  "x".repeat(300),
  "€".repeat(700),
];

const NUMBERS = [0, -0, 1, 2, 3, 5, 16, 17, 40, 1.5, -1, 1e9, 2 ** 31, 2 ** 53, 1e308, Number.MIN_VALUE];

/** Texts that are JSON and say something that nobody expects. */
const ODD_JSON = [
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"text":"a","__proto__":{"polluted":1},"how":"self"}',
  '{"n":1,"n":"2"}',
  "1e400",
  "-1e400",
  '"\\u001e\\ud800"',
  '{"then":1}',
  '{"toJSON":1}',
  " [ 1 ] ",
  "9".repeat(400),
];

/** Texts that are not JSON. */
const NO_JSON = ["{", "[1,", "undefined", "NaN", "'x'", '"\u0001"', "\u0000", "01", "+1", '"\\x"', "\ufeff1", "{}{}"];

/** Bytes that are not UTF-8. */
const NO_UTF8 = ["ff", "c080", "eda080", "f4908080", "80", "e282", "22e28222", "00ff", "7b22ff223a317d"];

export function jsonValue(random: Random, depth = 3): unknown {
  switch (random.below(depth > 0 ? 8 : 5)) {
    case 0:
      return random.pick(STRINGS);
    case 1:
      return random.pick(NUMBERS);
    case 2:
      return random.chance(0.5);
    case 3:
      return null;
    case 4:
      return random.between(-1_000, 1_000);
    case 5:
      return Array.from({ length: random.below(4) }, () => jsonValue(random, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random.below(4) }, () => [random.pick(STRINGS), jsonValue(random, depth - 1)]),
      );
  }
}

/** Brackets around nothing, or around something, as deep as that. */
function deep(random: Random): string {
  const levels = random.pick([10, 63, 64, 65, 513, 1_000, 3_000]);
  const [open, close] = random.pick([
    ["[", "]"],
    ['{"a":', "}"],
    ['["\\"[",', "]"],
  ] as const);
  return open.repeat(levels) + (random.chance(0.9) ? "1" + close.repeat(levels) : "");
}

/** A body that nobody asked for. */
export function anyBody(random: Random): Body {
  if (random.chance(0.005)) return "x".repeat(UNWANTED);
  switch (random.below(7)) {
    case 0:
      return random.pick(ODD_JSON);
    case 1:
      return random.pick(NO_JSON);
    case 2:
      return Buffer.from(random.pick(NO_UTF8), "hex");
    case 3:
      return random.bytes(random.below(40));
    case 4:
      return deep(random);
    case 5:
      return random.pick(STRINGS).replaceAll("\u001e", "");
    default:
      return JSON.stringify(jsonValue(random));
  }
}

/** A value in the codec of a service; for rpc this is a result or an item. */
export function anyValue(random: Random, service: ServiceName): Body {
  switch (service) {
    case "words":
      return random.pick(STRINGS).replaceAll("\u001b", "\u001be").replaceAll("\u001e", "\u001bs");
    case "blob":
      return random.bytes(random.pick([0, 1, 3, 200]));
    case "own":
      return random.pick(STRINGS).replaceAll("\u001e", "");
    case "notes":
      return JSON.stringify({
        text: random.pick(STRINGS),
        how: random.pick([undefined, undefined, "self", "group", "regroup", "volatile", "conflate", "fail", "later"]),
      });
    case "late":
      return JSON.stringify({ n: random.pick([...NUMBERS, "x" as unknown, undefined]) });
    case "duplex":
      return JSON.stringify({
        items: random.pick([0, 1, 8, 20, 100]),
        body: random.pick(["await", "iterate", 1]),
        leave: random.chance(0.2) ? true : undefined,
      });
    default:
      return random.weighted<() => Body>([
        [6, () => JSON.stringify(jsonValue(random))],
        [1, () => ""],
        [2, () => joinFrame("\0", random.bytes(random.below(50)))],
        [2, () => String(random.between(0, 50))],
      ])();
  }
}

/** What a procedure is called with when its caller means well. */
function inputOf(random: Random, name: string): Body {
  switch (name) {
    case "sum":
      return JSON.stringify({ a: random.pick(NUMBERS), b: random.below(100) });
    case "nothing":
    case "add":
      return "";
    case "later":
      return JSON.stringify({ n: random.below(1_500) });
    case "count":
    case "taste":
      return String(random.pick([0, 1, 7, 16, 17, 40, 200]));
    case "bytes":
      return String(random.below(500));
    case "big":
      return String(random.pick([0, 10, 1_000, 3_000, 40_000]));
    case "reverse":
      return joinFrame("\0", random.bytes(random.below(60)));
    case "kick":
      return JSON.stringify(random.pick(STRINGS));
    case "fail":
      return random.pick(['"huge"', "1"]);
    case "nested.deep.er":
      return '["abc"]';
    default:
      return JSON.stringify(jsonValue(random));
  }
}

/** Procedures by how often they are called: those that stay at work, and take items, are where the states are. */
const popular = [
  ...procedures.filter((name) => name !== "kick"),
  "hang",
  "hoard",
  "add",
  "taste",
  "exchange",
  "count",
  "ask",
  "echo",
];

/** The body of a call to the rpc service, well meant, and the result where it is known. */
export function rpcCall(random: Random): { body: Body; expect: string | undefined } {
  const name = random.chance(0.01) ? "kick" : random.pick(popular);
  const input = inputOf(random, name);
  const body = joinFrame(writeNumber(procedures.indexOf(name)), input);
  const expect = name === "echo" && typeof input === "string" ? JSON.stringify(JSON.parse(input)) : undefined;
  return { body, expect };
}

/** The body of a call or message, for better or worse. */
export function callBody(random: Random, service: ServiceName): Body {
  if (random.chance(0.15)) return anyBody(random);
  if (service !== "calls") return anyValue(random, service);
  if (random.chance(0.8)) return rpcCall(random).body;
  const place = random.pick([random.below(procedures.length), procedures.length, 2 ** 31 - 1]);
  return joinFrame(random.chance(0.9) ? writeNumber(place) : "`@", random.chance(0.5) ? anyBody(random) : "");
}

export function anyService(random: Random): ServiceName {
  return random.weighted<ServiceName>([
    [6, "calls"],
    [2, "duplex"],
    ...services.filter((name) => name !== "calls" && name !== "duplex").map((name) => [1, name] as const),
  ]);
}
