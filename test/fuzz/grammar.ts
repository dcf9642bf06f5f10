/**
 * The grammar of PROTOCOL.md once more, read strictly and written by hand: what a server or client under test says is
 * judged by this, and not by the code that wrote it. Nothing here comes from `src`.
 */
import { Buffer, isUtf8 } from "node:buffer";

export type Packet = string | Uint8Array;
export type Body = string | Uint8Array;

/** The kinds, by their first character; a message to a service is `@`. */
export type Kind = "@" | "?" | "=" | "!" | "<" | ">" | "/" | "+" | "-" | "#" | "$" | "%" | "(" | ")";

export interface Frame {
  readonly kind: Kind;
  /** The service's number, of messages and calls. */
  readonly service: number;
  /** The call's id, or the count that is acknowledged. */
  readonly id: number;
  /** How many items are granted. */
  readonly count: number;
  readonly body: Body;
  /** All of it, as it stands in its packet. */
  readonly raw: Body;
}

/** A packet, read: its frames as far as they keep to the grammar, and what is wrong with the rest. */
export interface Reading {
  readonly frames: readonly Frame[];
  readonly breach: string | undefined;
}

export const MAX_NUMBER = 2 ** 31 - 1;
export const MAX_FRAMES = 1024;

/** What follows each kind: service, id, count, body. */
const shapes: Readonly<Record<Kind, string>> = {
  "@": "sb",
  "?": "sib",
  "=": "ib",
  "!": "ib",
  "<": "ib",
  ">": "ib",
  "/": "i",
  "+": "ic",
  "-": "ic",
  "#": "i",
  $: "b",
  "%": "i",
  "(": "",
  ")": "",
};

const NUMBER = /^(?:[\x61-\x7f][\x60-\x7f]*)?[\x40-\x5f]/;

/** A number in base 32. */
export function writeNumber(value: number): string {
  let digits = String.fromCharCode(0x40 + (value % 32));
  for (let rest = Math.floor(value / 32); rest > 0; rest = Math.floor(rest / 32)) {
    digits = String.fromCharCode(0x60 + (rest % 32)) + digits;
  }
  return digits;
}

function readFrame(text: string, bytes: Uint8Array | undefined): Omit<Frame, "raw"> | string {
  if (text === "") return "empty frame";
  const first = text[0]!;
  const kind = /[\x40-\x7f]/.test(first) ? "@" : first;
  if (!Object.hasOwn(shapes, kind)) return `unknown kind ${JSON.stringify(kind)}`;
  let at = kind === "@" ? 0 : 1;
  const numbers = { s: 0, i: 0, c: 0 };
  for (const part of shapes[kind as Kind]) {
    if (part === "b") {
      const body = bytes === undefined ? text.slice(at) : bytes.subarray(at);
      return { kind: kind as Kind, service: numbers.s, id: numbers.i, count: numbers.c, body };
    }
    const digits = NUMBER.exec(text.slice(at, at + 9))?.[0];
    if (digits === undefined) return "no number";
    const value = digits.split("").reduce((sum, digit) => sum * 32 + (digit.charCodeAt(0) & 31), 0);
    if (value > MAX_NUMBER) return "number too large";
    if (part === "c" && value === 0) return "grant of nothing";
    numbers[part as "s"] = value;
    at += digits.length;
  }
  if (at < (bytes?.length ?? text.length)) return "body where there is none";
  return { kind: kind as Kind, service: numbers.s, id: numbers.i, count: numbers.c, body: "" };
}

/** Cuts a binary packet into its frames. */
function cut(packet: Uint8Array): { parts: Uint8Array[]; breach: string | undefined } {
  const parts: Uint8Array[] = [];
  let at = 0;
  do {
    let length = 0;
    let digits = 0;
    for (;;) {
      const byte = packet[at++];
      if (byte === undefined || digits === 5) return { parts, breach: "malformed length" };
      length += (byte & 0x7f) * 2 ** (7 * digits++);
      if (byte >= 0x80) continue;
      if (byte === 0 && digits > 1) return { parts, breach: "length not in its shortest form" };
      break;
    }
    if (at + length > packet.length) return { parts, breach: "frame longer than its packet" };
    parts.push(packet.subarray(at, at + length));
    at += length;
  } while (at < packet.length);
  return { parts, breach: undefined };
}

/** Reads a packet, which may hold so many frames. */
export function readPacket(packet: Packet, most: number): Reading {
  const frames: Frame[] = [];
  const { parts, breach } =
    typeof packet === "string" ? { parts: packet.split("\x1e"), breach: undefined } : cut(packet);
  for (const part of parts) {
    if (frames.length === most) return { frames, breach: "too many frames" };
    // Characters stand for bytes here, as far as any header can go.
    const text = typeof part === "string" ? part : Buffer.from(part.subarray(0, 32)).toString("latin1");
    const frame = readFrame(text, typeof part === "string" ? undefined : part);
    if (typeof frame === "string") return { frames, breach: frame };
    frames.push({ ...frame, raw: part });
  }
  return { frames, breach };
}

/** The text of a body; `undefined` where it is not UTF-8. */
export function bodyText(body: Body): string | undefined {
  if (typeof body === "string") return body;
  return isUtf8(body) ? Buffer.from(body).toString("utf8") : undefined;
}

/** Whether a frame is counted, and not its socket's alone. */
export function isCounted({ kind }: Frame): boolean {
  return !"$%()".includes(kind);
}

/** A number, modulo 2^31. */
export function modulo(value: number): number {
  return ((value % 2 ** 31) + 2 ** 31) % 2 ** 31;
}

/** A value that a body is the JSON of; `undefined` where it is not. */
export function bodyJson(body: Body): { value: unknown } | undefined {
  const text = bodyText(body);
  if (text === undefined) return undefined;
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** The object in a control frame; `undefined` where there is none. */
export function bodyObject(body: Body): Readonly<Record<string, unknown>> | undefined {
  const value = bodyJson(body)?.value;
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

/** A packet's length in bytes. */
export function packetLength(packet: Packet): number {
  return typeof packet === "string" ? Buffer.byteLength(packet) : packet.length;
}

/** An unsigned LEB128 number; with `extra` digits of 0 it is not in its shortest form. */
export function writeLength(length: number, extra = 0): number[] {
  const digits: number[] = [];
  for (let rest = length; ; rest = Math.floor(rest / 128)) {
    digits.push(rest % 128);
    if (rest < 128) break;
  }
  for (let i = 0; i < extra; i++) digits.push(0);
  return digits.map((digit, at) => (at < digits.length - 1 ? digit + 128 : digit));
}

/** Joins a header and a body. */
export function joinFrame(header: string, body: Body): Body {
  return typeof body === "string" ? header + body : Buffer.concat([Buffer.from(header, "latin1"), body]);
}

/** Joins frames into a packet: a text packet where all are text and nobody wants it otherwise. */
export function joinPacket(frames: readonly Body[], binary: boolean): Packet {
  if (!binary && frames.every((frame) => typeof frame === "string")) return frames.join("\x1e");
  return Uint8Array.from(
    Buffer.concat(
      frames.flatMap((frame) => {
        const bytes = Buffer.from(frame as string);
        return [Buffer.from(writeLength(bytes.length)), bytes];
      }),
    ),
  );
}

/** A packet as a corpus keeps it. */
export type Kept = string | { readonly hex: string };

export function keepPacket(packet: Packet): Kept {
  return typeof packet === "string" ? packet : { hex: Buffer.from(packet).toString("hex") };
}

export function unkeepPacket(kept: Kept): Packet {
  return typeof kept === "string" ? kept : Uint8Array.from(Buffer.from(kept.hex, "hex"));
}
