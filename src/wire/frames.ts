import { PROTOCOL_ERROR } from "./close-codes.ts";
import { WireError } from "./errors.ts";
import {
  ACKNOWLEDGE,
  CALL,
  CANCEL,
  CONTROL,
  FAILURE,
  GRANT_DOWN,
  GRANT_UP,
  ITEM_DOWN,
  ITEM_UP,
  ITEMS_END,
  MESSAGE,
  PING,
  PONG,
  RESULT,
} from "./kinds.ts";
import { readNumber, type Cursor } from "./numbers.ts";

/** What stands behind a frame's header: text, or bytes where it came in a binary packet. */
export type Body = string | Uint8Array;

/** A whole frame, header and body, ready for a packet of its kind. */
export type Frame = string | Uint8Array;

/** A frame's header as read; one object serves all frames of a packet, so nobody keeps it. */
export interface Header extends Cursor {
  /** One of the kinds of frame. */
  kind: number;
  /** The service's number, for messages and calls. */
  service: number;
  /** The call's id, or the count that is acknowledged. */
  id: number;
  /** How many items are granted, never 0. */
  count: number;
}

/**
 * Makes an empty header to read into.
 *
 * @returns a header that has read nothing
 */
export function createHeader(): Header {
  return { text: "", at: 0, kind: 0, service: 0, id: 0, count: 1 };
}

/**
 * Reads the header of the frame at the cursor and moves the cursor to the frame's body.
 *
 * @param header the cursor, and where the parts go
 * @returns whether a frame of this kind has a body; if not, the cursor must now be at the frame's end
 * @throws {WireError} 1002 for an unknown kind, a malformed number or a grant of nothing
 */
export function readHeader(header: Header): boolean {
  const kind = header.text.charCodeAt(header.at);
  if (kind >= 0x40 && kind <= 0x7f) {
    header.kind = MESSAGE;
    header.service = readNumber(header);
    return true;
  }
  const shape = SHAPES[kind];
  if (shape === undefined) throw new WireError(PROTOCOL_ERROR, "Unknown frame");
  header.kind = kind;
  header.at++;
  if (shape & 4) header.service = readNumber(header);
  if (shape & 2) header.id = readNumber(header);
  if (shape & 1) header.count = readNumber(header);
  if (header.count === 0) throw new WireError(PROTOCOL_ERROR, "Malformed frame");
  return shape >= 8;
}

/** What stands in each kind of frame: 4 for a service's number, 2 for an id, 1 for a count of items, 8 for a body. */
const SHAPES: Readonly<Record<number, number>> = {
  [CALL]: 14,
  [RESULT]: 10,
  [FAILURE]: 10,
  [ITEM_DOWN]: 10,
  [ITEM_UP]: 10,
  [CONTROL]: 8,
  [GRANT_DOWN]: 3,
  [GRANT_UP]: 3,
  [ITEMS_END]: 2,
  [CANCEL]: 2,
  [ACKNOWLEDGE]: 2,
  [PING]: 0,
  [PONG]: 0,
};

/** What is left free before bytes, for headers that come before theirs. */
const ROOM = 16;
/** The bytes that were made last: a value gets its call's header right after its own, and is not copied again for it. */
let last: Uint8Array | undefined;

/**
 * Puts a header before a body.
 *
 * @param header ASCII characters
 * @param body the body; bytes make a frame that travels in a binary packet
 * @returns the frame
 */
export function writeFrame(header: string, body: Body): Frame {
  if (typeof body === "string") return header + body;
  const { length } = header;
  let { buffer, byteOffset: at } = body;
  if (body !== last || at < length) {
    at = ROOM + length;
    const fresh = new Uint8Array(at + body.length);
    fresh.set(body, at);
    ({ buffer } = fresh);
  }
  last = new Uint8Array(buffer, at - length, length + body.length);
  for (let i = 0; i < length; i++) last[i] = header.charCodeAt(i);
  return last;
}

/**
 * The beginning of bytes as text, as far as a header may go.
 *
 * @param bytes where it stands
 * @param from where it begins
 * @param most how many bytes it has at most
 * @returns a character for each byte
 */
export function headerText(bytes: Uint8Array, from: number, most: number): string {
  let text = "";
  for (let i = from; i < bytes.length && i < from + most; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}
