import { INVALID_TEXT } from "./close-codes.ts";
import { WireError } from "./errors.ts";

const encoder = /* @__PURE__ */ new TextEncoder();
// A byte order mark is text like any other here (PROTOCOL.md, "Packets and frames").
const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The UTF-8 form of a text.
 *
 * @param text any text; a lone surrogate becomes U+FFFD
 * @returns the bytes
 */
export function toUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/**
 * The text of UTF-8 bytes.
 *
 * @param bytes the bytes
 * @returns the text
 * @throws {WireError} 1007 if they are not valid UTF-8
 */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new WireError(INVALID_TEXT, "Invalid UTF-8");
  }
}

/** How many characters are measured at once. */
const PIECE = 1_024;
/** Where they are written to: platforms do that many times faster than each character can be looked at. */
const scratch = /* @__PURE__ */ new Uint8Array(PIECE * 3);

/**
 * How many bytes a text takes in UTF-8.
 *
 * @param text any text; a lone surrogate becomes U+FFFD
 * @returns its length in bytes
 */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (let at = 0, end = 0; at < text.length; at = end) {
    end = at + PIECE;
    // Not between the halves of a surrogate pair.
    if ((text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end--;
    bytes += encoder.encodeInto(text.slice(at, end), scratch).written;
  }
  return bytes;
}
