import type { PageRequest } from "../../broker/broker.ts";
import type { Channels } from "../../broker/channels.ts";
import { PrismError } from "../../wire/errors.ts";
import type { Body } from "../../wire/frames.ts";
import { readPost } from "./post.ts";
import type { Found } from "./server-rooms.ts";

/** How many messages may be asked for at a time: 1 to 1,000, and 100 where nothing is said. */
const LIMIT = { least: 1, most: 1_000, usual: 100 };

/** What is asked for: the last messages, or those before an offset. */
export interface Want {
  readonly limit: number;
  readonly before: number | undefined;
}

/** A part of a channel's past: the values, and the offset of the last. */
export interface ValuePage {
  readonly messages: readonly Body[];
  readonly to: number;
}

/**
 * Reads what is asked for.
 *
 * @throws {PrismError} `bad_input` for what cannot be
 */
export function toPageRequest({ limit = LIMIT.usual, before }: Readonly<Record<string, unknown>>): Want {
  if (typeof limit !== "number" || !Number.isInteger(limit) || limit < LIMIT.least || limit > LIMIT.most) {
    throw new PrismError("bad_input", `A limit is a number from ${LIMIT.least} to ${LIMIT.most}`);
  }
  if (before === undefined) return { limit, before };
  if (typeof before !== "number" || !Number.isSafeInteger(before) || before < 1) {
    throw new PrismError("bad_input", "An offset is a number from 1");
  }
  return { limit, before };
}

/** Reads of a channel's past. */
export async function pageOf(channels: Channels, found: Found, { limit, before }: Want): Promise<ValuePage> {
  if (found.options.history === undefined || before === 1) return { messages: [], to: 0 };
  const request: PageRequest = before === undefined ? { limit } : { after: Math.max(0, before - 1 - limit), limit };
  let page = await channels.read(found.name, request);
  // Nothing stands there yet: what is before it are the last ones.
  if (before !== undefined && page.position.offset < before - 1) page = await channels.read(found.name, { limit });
  const { messages, to } = page;
  // What is kept may begin later than what was asked for, and then go on behind it.
  const beyond = before === undefined ? 0 : Math.max(0, to - (before - 1));
  const kept = messages.slice(0, Math.max(0, messages.length - beyond));
  return { messages: kept.map((body) => readPost(body).value), to: to - Math.min(beyond, messages.length) };
}
