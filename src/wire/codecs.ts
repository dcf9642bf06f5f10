import { PrismError } from "./errors.ts";
import type { Body } from "./frames.ts";
import { fromUtf8, toUtf8 } from "./utf8.ts";

/** How a service's values become bodies and back (PROTOCOL.md, "Packets and frames"). */
export interface Codec<Value = unknown> {
  /** Says that its text is JSON, whose depth is then bounded. */
  readonly json?: boolean | undefined;
  /** Says that its text never holds U+001E, so that nobody needs to look. */
  readonly clean?: boolean | undefined;
  /** The codec that this one looks after. */
  readonly own?: AnyCodec | undefined;
  /** Turns a value into text or bytes. May throw; the text MUST NOT hold U+001E. */
  encode(value: Value): Body;
  /** Turns a body back. Throws where it cannot be read; in a binary packet, text arrives as its UTF-8 bytes. */
  decode(body: Body): Value;
}

/** A codec of whatever type of values. */
export interface AnyCodec {
  /** Says that its text is JSON, whose depth is then bounded. */
  readonly json?: boolean | undefined;
  /** Says that its text never holds U+001E, so that nobody needs to look. */
  readonly clean?: boolean | undefined;
  /** Turns a value into text or bytes. */
  encode(value: never): Body;
  /** Turns a body back. */
  decode(body: Body): unknown;
}

/** The codecs that a service can name. */
export type CodecName = "json" | "text" | "bytes";

/**
 * The text of a body, in whichever packet it came.
 *
 * @param body the body
 * @returns its text
 * @throws {WireError} 1007 if it is not valid UTF-8
 */
export function bodyText(body: Body): string {
  return typeof body === "string" ? body : fromUtf8(body);
}

/** JSON text; an empty body is `undefined`. */
export const json: Codec = {
  clean: true,
  json: true,
  encode: (value) => JSON.stringify(value) ?? "",
  decode: (body) => {
    const text = bodyText(body);
    return text === "" ? undefined : JSON.parse(text);
  },
};

const ESCAPED = /[\x1b\x1e\p{Surrogate}]/gu;

/** The text itself, with the two characters escaped that a packet cannot hold. */
export const text: Codec<string> = {
  clean: true,
  encode: (value) =>
    value.replace(ESCAPED, (sign) => (sign === "\x1b" ? "\x1be" : sign === "\x1e" ? "\x1bs" : "\ufffd")),
  decode: (body) => {
    // A copy: what is cut out of a packet keeps the whole packet in memory, and texts are kept.
    const value = fromUtf8(toUtf8(bodyText(body)));
    if (!value.includes("\x1b")) return value;
    return value.replace(/\x1b(.?)/gsu, (_, mark: string) => {
      if (mark !== "e" && mark !== "s") throw new PrismError("bad_input", "Unknown escape");
      return mark === "e" ? "\x1b" : "\x1e";
    });
  },
};

/** The bytes themselves. */
export const bytes: Codec<Uint8Array> = {
  clean: true,
  encode: (value) => {
    if (value instanceof Uint8Array) return value;
    throw new TypeError(`Not bytes: ${typeof value}`);
  },
  decode: (body) => {
    if (typeof body === "string") throw new PrismError("bad_input", "Not bytes");
    return copyBytes(body);
  },
};

/**
 * Bytes that keep no more in memory than they need: what is cut out of a packet keeps the whole packet.
 *
 * @param part bytes out of a packet
 * @returns a copy if they are a small part of it
 */
export function copyBytes(part: Uint8Array): Uint8Array {
  return part.byteLength * 4 < part.buffer.byteLength ? part.slice() : part;
}

/**
 * The codec of a name, or the service's own.
 *
 * @param codec a name, a codec, or nothing for JSON
 * @returns the codec
 * @throws {TypeError} for a name that there is not
 */
export function toCodec(codec: CodecName | AnyCodec | undefined): Codec {
  const found =
    codec === undefined || codec === "json" ? json : codec === "text" ? text : codec === "bytes" ? bytes : codec;
  if (typeof found !== "object") throw new TypeError(`Unknown codec ${String(found)}`);
  return found.clean === true ? found : toCleanCodec(found);
}

/** A codec whose text is looked at: a separator in it would end the frame and begin another. */
function toCleanCodec(codec: AnyCodec): Codec {
  return {
    clean: true,
    own: codec,
    json: codec.json,
    encode: (value) => {
      const body = codec.encode(value as never);
      if (typeof body === "string" && body.includes("\x1e")) throw new TypeError("A codec's text holds U+001E");
      return body;
    },
    decode: (body) => codec.decode(body),
  };
}
