import { PROTOCOL_ERROR } from "./close-codes.ts";
import { WireError } from "./errors.ts";

/** The largest number that the wire can hold. */
export const MAX_NUMBER = 0x7fffffff;

/** A place in a text. Readers move `at` behind what they have read. */
export interface Cursor {
  /** The text that is read. */
  text: string;
  /** Where the next character stands. */
  at: number;
}

/**
 * Writes a number in base 32 (PROTOCOL.md, "Numbers").
 *
 * @param value an integer from 0 to {@linkcode MAX_NUMBER}
 * @returns 1 to 7 characters
 */
export function writeNumber(value: number): string {
  let text = String.fromCharCode(0x40 + (value & 31));
  for (let rest = value >>> 5; rest > 0; rest >>>= 5) text = String.fromCharCode(0x60 + (rest & 31)) + text;
  return text;
}

/**
 * Reads the number at the cursor and moves the cursor behind it.
 *
 * @param cursor where to read
 * @returns an integer from 0 to {@linkcode MAX_NUMBER}
 * @throws {WireError} 1002 where there is no number, or one that is too large or has a leading zero
 */
export function readNumber(cursor: Cursor): number {
  const { text } = cursor;
  let { at } = cursor;
  let code = text.charCodeAt(at);
  let value = 0;
  if (code !== 0x60) {
    for (; code >= 0x60 && code <= 0x7f && value <= MAX_NUMBER; code = text.charCodeAt(++at)) {
      value = value * 32 + code - 0x60;
    }
    if (code >= 0x40 && code < 0x60) {
      value = value * 32 + code - 0x40;
      if (value <= MAX_NUMBER) {
        cursor.at = at + 1;
        return value;
      }
    }
  }
  throw new WireError(PROTOCOL_ERROR, "Malformed number");
}
