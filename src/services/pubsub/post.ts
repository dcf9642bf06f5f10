import type { BroadcastOptions } from "../../service/hosts.ts";
import { bodyText } from "../../wire/codecs.ts";
import { writeFrame, type Body } from "../../wire/frames.ts";
import { openBody, restOf } from "./contract.ts";

/** How a message is told to those whom it reaches. */
export interface PostOptions {
  /** The id of a connection that does not get it. */
  readonly except?: string | undefined;
  /** Whether it may be dropped for a client that is slow or without a socket. It is not kept as history. */
  readonly volatile?: boolean | undefined;
  /** While a client is slow, only the last message of this key is kept for it. It is not kept as history. */
  readonly conflate?: string | undefined;
}

/** What stands before a message that nothing is said about. */
const PLAIN = " ";

/** What the options take, at most. */
const END = "\n";

/** A message on its way between servers: what is said about it, then the value. */
export function writePost(value: Body, { except: x, volatile: v, conflate: k }: PostOptions): Body {
  if (x === undefined && v !== true && k === undefined) return writeFrame(PLAIN, value);
  const text = JSON.stringify({ x, v, k }).replace(
    /[\u0080-\uffff]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return writeFrame(text + END, value);
}

/** A message as another server has written it. */
export interface Post extends BroadcastLike {
  readonly value: Body;
  /** The id of a connection that does not get it. */
  readonly except: string | undefined;
}

type BroadcastLike = Pick<BroadcastOptions, "volatile" | "conflate">;

/** Reads what another server has written. */
export function readPost(body: Body): Post {
  const cursor = openBody(body);
  if (cursor.text[0] === PLAIN) {
    cursor.at = 1;
    return { value: restOf(body, cursor), except: undefined };
  }
  if (typeof body !== "string") cursor.text = bodyText(body.subarray(0, body.indexOf(END.charCodeAt(0))));
  const end = typeof body === "string" ? body.indexOf(END) : cursor.text.length;
  const { x, v, k } = JSON.parse(cursor.text.slice(0, end)) as { x?: string; v?: boolean; k?: string };
  cursor.at = end + 1;
  return { value: restOf(body, cursor), except: x, volatile: v, conflate: k };
}
