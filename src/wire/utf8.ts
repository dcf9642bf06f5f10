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

/**
 * How many bytes a text takes in UTF-8, without writing them.
 *
 * @param text any text
 * @returns its length in bytes
 */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 0x7f) continue;
    bytes += code < 0x800 ? 1 : 2;
    // A surrogate pair is two units and four bytes; a lone one is written as U+FFFD, which has three.
    if ((code & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) i++;
  }
  return bytes;
}
