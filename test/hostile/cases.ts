import { Buffer } from "node:buffer";
import { writeNumber } from "../../src/wire/numbers.ts";
import { createCalls } from "../contract/app.ts";
import { Traces } from "../contract/traces.ts";
import { binary, call, frame, pack, text } from "./enemy.ts";

/** What is sent, after the welcome, and what comes of it: a close code, or nothing at all. */
export type Case = readonly [what: string, code: number | undefined, ...packets: Buffer[]];

const names = createCalls(new Traces()).init as string[];

/** A call of one of the app's procedures, which are service number 0. */
export function invoke(id: number, name: string, input = ""): string {
  const place = names.indexOf(name);
  if (place < 0) throw new Error(`There is no procedure ${name}`);
  return `${call(0, id)}${writeNumber(place)}${input}`;
}

const hang = (id: number, key: string): string => invoke(id, "hang", JSON.stringify(key));
const take = (id: number): string => invoke(id, "take", '{"key":"none","count":0}');
/** A text packet of frames. */
export const list = (...frames: string[]): Buffer => text(frames.join("\x1e"));
const raw = (...bytes: number[]): Buffer => binary(Uint8Array.from(bytes));

/** The limit on a client's packet. */
export const PACKET = 131_072;

/** Malformed packets: the grammar of PROTOCOL.md, broken at each of its joints. */
export const malformed: readonly Case[] = [
  ["an empty text packet", 1002, text("")],
  ["an empty binary packet", 1002, raw()],
  ["two empty frames", 1002, text("\x1e")],
  ["an empty frame at the end", 1002, list("(", "")],
  ["an empty frame at the start", 1002, list("", "(")],
  ["an empty frame in a binary packet", 1002, raw(0)],
  ["an empty frame behind another in a binary packet", 1002, raw(1, 0x28, 0)],
  ...["*", "&", " ", "\0", "0", "'", ",", "é", "€", "\n", '"', ":", ";", "."].map((first): Case => [
    `a frame that begins with ${JSON.stringify(first)}`,
    1002,
    text(`${first}@@x`),
  ]),
  ["a binary frame that begins with a byte over 127", 1002, binary(pack(Uint8Array.of(0xe9, 0x40)))],
  ["a number that is missing", 1002, text("?")],
  ["a second number that is missing", 1002, text("?@")],
  ["a number without its last digit", 1002, text("?@a")],
  ["a number that begins with 0", 1002, text("?@`A1")],
  ["a service that begins with 0", 1002, text("`A")],
  ["a number over 2^31 - 1", 1002, text("#b`````@")],
  ["a number of eight digits", 1002, text("#a```````@")],
  ["a number of 100,000 digits", 1002, text(`#${"a".repeat(100_000)}@`)],
  ["digits of another kind", 1002, text("#١")],
  ["a body behind #", 1002, text("#@x")],
  ["a body behind /", 1002, text("/@x")],
  ["a body behind +", 1002, text("+@Ax")],
  ["a body behind -", 1002, text("-@Ax")],
  ["a body behind %", 1002, text("%@x")],
  ["a body behind (", 1002, text("(x")],
  ["a body behind )", 1002, text(")x")],
  ["a grant of nothing", 1002, text("+@@")],
  ["a grant of nothing to the callee", 1002, text("-@@")],
  ["1,024 frames", undefined, list(...Array.from({ length: 1_024 }, () => "("))],
  ["1,025 frames", 1002, list(...Array.from({ length: 1_025 }, () => "("))],
  ["1,025 frames in a binary packet", 1002, binary(pack(...Array.from({ length: 1_025 }, () => "(")))],
  ["a length that does not end", 1002, raw(0x80)],
  ["a length in six bytes", 1002, raw(0x81, 0x80, 0x80, 0x80, 0x80, 0x01, 0x28)],
  ["a length not in its shortest form", 1002, raw(0x81, 0x00, 0x28)],
  ["a length beyond the packet", 1002, raw(2, 0x28)],
  ["a length of 2^35 - 1", 1002, raw(0xff, 0xff, 0xff, 0xff, 0x7f, 0x28)],
  ["a length, and no frame", 1002, raw(1)],
  ["two calls with one id", 1002, list(hang(1, "twins"), hang(1, "twins"))],
  ["a result of no call", 1002, text("=@1")],
  ["a failure of no call", 1002, text('!@{"code":"x"}')],
  ["an item of no call", 1002, text("<@1")],
  ["a grant for no call", 1002, text("-@A")],
  ["an item to a call that is not there", undefined, text(">@1")],
  ["an end of items of a call that is not there", undefined, text("/@")],
  ["credit for a call that is not there", undefined, text("+@A")],
  ["a cancellation of a call that is not there", undefined, list("#@", "#a@", "#@")],
  ["16 items without having been asked for more", undefined, list(hang(1, "16"), ...items(16), "#A")],
  ["items beyond the credit", 1002, list(take(1), ...items(17))],
  ["items after the last", 1002, list(take(1), "/A", ">A1")],
  ["the last item twice", undefined, list(take(1), "/A", "/A", "#A")],
  ["an acknowledgement of what was never sent", 1002, text("%A")],
  ["an acknowledgement of 2^31 - 1 frames", 1002, text(`%${writeNumber(2 ** 31 - 1)}`)],
  ["the same acknowledgement again and again", undefined, list("%@", "%@", "%@")],
  ["a control frame without JSON", 1002, text("$")],
  ["a control frame that is not JSON", 1002, text("${")],
  ...["[]", "1", "null", '"x"', "true"].map((json): Case => [`a control frame of ${json}`, 1002, text(`$${json}`)]),
  ["a control frame that nobody knows", undefined, text('${"__proto__":{"hello":1},"unknown":[]}')],
  ["a huge control frame", undefined, text(`$${JSON.stringify({ hello: 1, x: "x".repeat(100_000) })}`)],
  ["a control frame of 100,000 brackets", 1002, text('${"x":' + "[".repeat(100_000))],
  ["a second hello", undefined, text('${"hello":1}')],
  ["a hello of another version after the welcome", undefined, text('${"hello":99}')],
  ["a pong that nobody asked for", undefined, list(")", ")", ")")],
  ["a packet of just the limit", undefined, text(`a@${"x".repeat(PACKET - 2)}`)],
  ["a packet one byte over the limit", 1009, text(`a@${"x".repeat(PACKET - 1)}`)],
  ["a binary packet over the limit", 1009, binary(new Uint8Array(PACKET + 1))],
  ["a packet over the limit in bytes, not in characters", 1009, text("€".repeat(PACKET / 2))],
  ["a packet over the limit in fragments", 1009, ...fragments(Array.from({ length: 9 }, () => "x".repeat(16_000)))],
  ["a packet of 1 MB", 1009, text("x".repeat(1_000_000))],
  [
    "a code point split over fragments",
    undefined,
    ...fragments(["a@", Uint8Array.of(0xe2, 0x82), Uint8Array.of(0xac)]),
  ],
  ...Object.entries({
    "a byte that never is": [0xff],
    "an overlong form": [0xc0, 0x80],
    "a surrogate": [0xed, 0xa0, 0x80],
    "a code point over U+10FFFF": [0xf4, 0x90, 0x80, 0x80],
    "a continuation by itself": [0x80],
    "a code point cut short": [0xe2, 0x82],
  }).map(([what, bytes]): Case => {
    const body = Buffer.concat([Buffer.from(invoke(1, "echo", '"')), Buffer.from(bytes), Buffer.from('"')]);
    return [`JSON in a binary packet with ${what}`, 1007, binary(pack(body))];
  }),
  ["text in a binary packet with invalid UTF-8", 1007, binary(pack(Uint8Array.of(0x42, 0xff)))],
  ["a control frame in a binary packet with invalid UTF-8", 1007, binary(pack(Uint8Array.of(0x24, 0xff)))],
];

function items(count: number): string[] {
  return Array.from({ length: count }, () => ">A1");
}

function fragments(parts: readonly (string | Uint8Array)[]): Buffer[] {
  return parts.map((part, i) => frame((i === 0 ? 1 : 0) | (i === parts.length - 1 ? 0x80 : 0), part));
}
