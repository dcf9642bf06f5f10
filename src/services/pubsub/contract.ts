import { bodyText } from "../../wire/codecs.ts";
import { isWireError, PrismError } from "../../wire/errors.ts";
import { headerText, type Body } from "../../wire/frames.ts";
import { MAX_DIGITS } from "../../wire/limits.ts";
import { readNumber, writeNumber, type Cursor } from "../../wire/numbers.ts";

/*
 * What a body says, by the character that begins it (PROTOCOL.md, "PubSub"). One from 0x40 on begins a number: upwards that
 * of a subscription, downwards that of a channel, with a message behind it.
 */

/** Up, call: subscribe. Down: a subscription has begun, or goes on somewhere else. */
export const SUBSCRIBE = "+";
/** Up: a subscription ends. Down: a subscription was ended. */
export const UNSUBSCRIBE = "-";
/** Up, call: publish to a channel by its name. */
export const PUBLISH = ">";
/** Up, call: read of a channel's past. */
export const HISTORY = "?";
/** Up: follow who is in a channel, or do not. Down: who is there. */
export const PRESENCE = "*";
/** Down: who is in a channel has changed. */
export const CHANGE = ":";
/** Both ways: an event of the app's own. */
export const EVENT = "!";
/** Down: a message that has no offset, in a channel that keeps history. */
export const UNCOUNTED = "=";
/** Down: a message that is not for this subscriber has taken an offset. */
export const SKIP = ".";
/** Down: what comes next stands elsewhere. */
export const MOVED = "&";

/** The most bytes before a value: a mark, a name in whatever form, and a space. */
const HEAD = 1024;

/** A number's first character, at least. */
const NUMBER = 0x40;

/** A subscription, as the client asks for it. */
export interface SubscribeRequest {
  /** The channel's name. */
  readonly c: string;
  /** The offset and epoch of the last message that it knows. */
  readonly o?: number | undefined;
  readonly e?: string | undefined;
  /** How many of the last messages it wants, where it knows none. */
  readonly n?: number | undefined;
  /** Whether it follows who is there. */
  readonly p?: 1 | undefined;
}

/** Asks for a subscription. */
export function writeSubscribe(number: number, request: SubscribeRequest): string {
  return `${SUBSCRIBE}${writeNumber(number)}${JSON.stringify(request)}`;
}

/** A subscription, as the server announces it. */
export interface Announcement {
  /** The client's number for it. */
  readonly s: number;
  /** The server's number for its channel. */
  readonly c: number;
  /** Where the channel stands: what comes next stands behind this. */
  readonly o?: number | undefined;
  readonly e?: string | undefined;
  /** Whether messages were missed. */
  readonly l?: 1 | undefined;
  /** The key under which its own client is present. */
  readonly k?: string | undefined;
  /** How many messages follow that were published before. */
  readonly r?: number | undefined;
}

/** What comes behind the messages of a page. */
export interface PageHead {
  /** The offset of the last of them. */
  readonly to: number;
}

/** The beginning of a body, to read from: of bytes, so much as may stand before a value. */
export function openBody(body: Body): Cursor {
  if (typeof body === "string") return { text: body, at: 0 };
  return { text: headerText(body, 0, body[0]! >= NUMBER ? MAX_DIGITS : HEAD), at: 0 };
}

/** What stands behind the cursor. */
export function restOf(body: Body, { at }: Cursor): Body {
  return typeof body === "string" ? body.slice(at) : body.subarray(at);
}

/** Whether a number begins at the cursor. */
export function hasNumber({ text, at }: Cursor): boolean {
  return text.charCodeAt(at) >= NUMBER;
}

/**
 * Reads a number.
 *
 * @throws {PrismError} `bad_input` where there is none
 */
export function takeNumber(cursor: Cursor): number {
  try {
    return readNumber(cursor);
  } catch (error) {
    if (isWireError(error)) throw new PrismError("bad_input", "A number is due");
    throw error;
  }
}

/**
 * Reads a name, which a space ends.
 *
 * @throws {PrismError} `bad_input` where there is none
 */
export function takeName(body: Body, cursor: Cursor): string {
  const { text, at } = cursor;
  const end = text.indexOf(" ", at);
  if (end < 0 || end > HEAD) throw new PrismError("bad_input", "A name is due");
  cursor.at = end + 1;
  return typeof body === "string" ? text.slice(at, end) : bodyText(body.subarray(at, end));
}

/**
 * Reads an object.
 *
 * @throws {PrismError} `bad_input` where there is none
 */
export function takeObject(body: Body, cursor: Cursor): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(bodyText(restOf(body, cursor)));
  } catch (error) {
    if (isWireError(error)) throw error;
  }
  if (typeof value !== "object" || value === null) throw new PrismError("bad_input", "An object is due");
  return value as Readonly<Record<string, unknown>>;
}
