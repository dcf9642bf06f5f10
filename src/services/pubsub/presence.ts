import { toBase64Url } from "../../wire/random-id.ts";
import { toUtf8, utf8Length } from "../../wire/utf8.ts";

/** What may be told of a subscriber, as JSON, in bytes: 4,096, since everybody there is told. */
const MOST = 4096;
const MAX_KEY = 256;

const LONE_SURROGATE = /\p{Surrogate}/u;

/** What is told of a subscriber, and under which key. */
export interface Presence {
  readonly key: string;
  /** JSON. */
  readonly state: string;
}

/**
 * What others are told of a subscriber. A session's id is what its cookie holds: it is never told, and a hash stands for it,
 * wherever it is found.
 *
 * @param told what the app's `presence` gave
 * @param session the id of the subscriber's session
 * @throws {TypeError} for what cannot be told
 */
export async function toPresence(told: unknown, session: string): Promise<Presence> {
  if (typeof told !== "object" || told === null) throw new TypeError(`Presence is not an object: ${String(told)}`);
  const { id } = told as { readonly id?: unknown };
  if (id !== undefined && typeof id !== "string" && typeof id !== "number")
    throw new TypeError("The id of a presence is not a text or a number");
  const [key, state] = [String(id ?? session), JSON.stringify(told)];
  if (session === "" || !(key.includes(session) || state.includes(session))) return check(key, state);
  const stand = await hash(session);
  return check(key.replaceAll(session, stand), state.replaceAll(session, stand));
}

function check(key: string, state: string): Presence {
  if (key === "" || key.length > MAX_KEY || LONE_SURROGATE.test(key))
    throw new TypeError(`The id of a presence is 1 to ${MAX_KEY} characters of Unicode`);
  const length = utf8Length(state);
  if (length > MOST) throw new TypeError(`A presence of ${length} bytes, over ${MOST}`);
  return { key, state };
}

/** Nobody finds the id by it: that is 128 random bits. */
async function hash(session: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(toUtf8(`presence:${session}`)));
  return toBase64Url(new Uint8Array(digest).subarray(0, 16));
}
