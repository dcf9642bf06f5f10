import fc from "fast-check";
import { bodyText } from "../../src/wire/codecs.ts";
import { WireError } from "../../src/wire/errors.ts";
import { writeFrame, type Body, type Frame, type Header } from "../../src/wire/frames.ts";
import { writeNumber } from "../../src/wire/numbers.ts";
import type { FrameSink } from "../../src/wire/packets.ts";

/**
 * The close code of the WireError that something throws.
 *
 * @returns the code; `undefined` if nothing is thrown
 * @throws whatever else is thrown
 */
export function closeCodeOf(run: () => unknown): number | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof WireError) return error.closeCode;
    throw error;
  }
  return undefined;
}

/** A frame taken apart; numbers that its kind does not have are left out. */
export interface Parts {
  kind: string;
  service?: number;
  id?: number;
  count?: number;
  body?: Body;
}

/** Which numbers follow the first character of each kind, and whether a body does (PROTOCOL.md's table). */
export const grammar: Record<string, { numbers: readonly ("service" | "id" | "count")[]; body: boolean }> = {
  message: { numbers: ["service"], body: true },
  "?": { numbers: ["service", "id"], body: true },
  "=": { numbers: ["id"], body: true },
  "!": { numbers: ["id"], body: true },
  "<": { numbers: ["id"], body: true },
  ">": { numbers: ["id"], body: true },
  "/": { numbers: ["id"], body: false },
  "+": { numbers: ["id", "count"], body: false },
  "-": { numbers: ["id", "count"], body: false },
  "#": { numbers: ["id"], body: false },
  $: { numbers: [], body: true },
  "%": { numbers: ["id"], body: false },
  "(": { numbers: [], body: false },
  ")": { numbers: [], body: false },
};

/** Writes a frame by the letter of PROTOCOL.md's table. */
export function toFrame(parts: Parts): Frame {
  const mark = parts.kind === "message" ? "" : parts.kind;
  const numbers = grammar[parts.kind]!.numbers.map((name) => writeNumber(parts[name]!));
  return writeFrame(mark + numbers.join(""), parts.body ?? "");
}

/** Collects what a packet holds. */
export class Collector implements FrameSink {
  readonly frames: Parts[] = [];
  readonly #most: number;

  constructor(most = Infinity) {
    this.#most = most;
  }

  frame(header: Header, body: Body): boolean {
    const kind = header.kind === 0 ? "message" : String.fromCharCode(header.kind);
    const parts: Parts = { kind };
    for (const name of grammar[kind]!.numbers) parts[name] = header[name];
    if (grammar[kind]!.body) parts.body = body;
    else if (body !== "") throw new Error(`A body with ${kind}`);
    this.frames.push(parts);
    return this.frames.length < this.#most;
  }
}

const anyNumber = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 0, max: 0x7fffffff }),
  fc.constant(0x7fffffff),
);

/** Text that a text packet can hold: any characters, the separator not among them, no lone surrogates. */
export const packetText: fc.Arbitrary<string> = fc
  .oneof(fc.string(), fc.string({ unit: "binary" }), fc.string({ minLength: 100, maxLength: 400 }))
  .map((text) => text.replaceAll("\x1e", ""));

const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.uint8Array({ minLength: 100, maxLength: 300 }),
  fc.integer({ min: 120, max: 135 }).map((length) => new Uint8Array(length)),
);

/** Frames of every kind, with bodies of the kinds given. */
export function anyParts(body: fc.Arbitrary<Body> = fc.oneof(packetText, anyBytes)): fc.Arbitrary<Parts> {
  return fc
    .tuple(
      fc.constantFrom(...Object.keys(grammar)),
      anyNumber,
      anyNumber,
      anyNumber.map((count) => Math.max(1, count)),
      body,
    )
    .map(([kind, service, id, count, content]) => {
      const parts: Parts = { kind };
      const values = { service, id, count };
      for (const name of grammar[kind]!.numbers) parts[name] = values[name];
      if (grammar[kind]!.body) parts.body = content;
      return parts;
    });
}

/** A frame with its body as text, whichever kind of packet it came in. Bodies of bytes stay bytes. */
export function comparable(parts: Parts, original: Parts): Parts {
  return typeof original.body === "string" && parts.body !== undefined
    ? { ...parts, body: bodyText(parts.body) }
    : parts;
}
