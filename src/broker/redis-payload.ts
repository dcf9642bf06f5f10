import type { Body } from "../wire/frames.ts";
import { fromUtf8 } from "../wire/utf8.ts";
import type { Delivery, EntryChange } from "./broker.ts";

const [TEXT, BYTES, KEPT, CHANGE, SPACE] = [0x74, 0x62, 0x6b, 0x63, 0x20];

/** Node's, of which ioredis takes bytes alone; it is wherever ioredis runs. */
interface Bytes {
  from(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array;
}

/**
 * Writes a body for Redis: `t` before a text, `b` before bytes.
 *
 * @param body the body
 * @returns what ioredis sends as it is
 */
export function toStored(body: Body): string | Uint8Array {
  if (typeof body === "string") return `t${body}`;
  const bytes = new Uint8Array(body.length + 1);
  bytes[0] = BYTES;
  bytes.set(body, 1);
  return (globalThis as unknown as { Buffer: Bytes }).Buffer.from(bytes.buffer, 0, bytes.length);
}

/**
 * Reads a body that Redis has kept.
 *
 * @param stored what `toStored` has written
 * @param from where it begins
 * @returns the body, with nothing of the client's buffer
 */
export function fromStored(stored: Uint8Array, from = 0): Body {
  const own = stored.subarray(from + 1);
  return stored[from] === TEXT ? fromUtf8(own) : new Uint8Array(own);
}

/**
 * Reads what was published: a body as it is stored, `k<offset> <epoch> ` and one, or `c<version> ` and a change in JSON.
 *
 * @param payload what Redis has brought
 * @returns the message or the change; `undefined` where it is neither
 */
export function fromPublished(payload: Uint8Array): Delivery | EntryChange | undefined {
  const kind = payload[0];
  if (kind === TEXT || kind === BYTES) return { body: fromStored(payload), position: undefined };
  const space = payload.indexOf(SPACE);
  if (space < 0) return undefined;
  const count = Number(fromUtf8(payload.subarray(1, space)));
  if (kind === KEPT) {
    const next = payload.indexOf(SPACE, space + 1);
    const epoch = fromUtf8(payload.subarray(space + 1, next));
    return { body: fromStored(payload, next + 1), position: { offset: count, epoch } };
  }
  if (kind !== CHANGE) return undefined;
  const [node, key, state] = JSON.parse(fromUtf8(payload.subarray(space + 1))) as [string, string, string?];
  return { node, key, state, version: count };
}
