import type { PageRequest } from "../../broker/broker.ts";
import type { Channels } from "../../broker/channels.ts";
import { PrismError } from "../../wire/errors.ts";
import type { Body } from "../../wire/frames.ts";
import { readPost } from "./post.ts";
import type { Found } from "./server-rooms.ts";

/** How many messages may be asked for at a time: 1 to 1,000, and 100 where nothing is said. */
const LIMIT = { least: 1, most: 1_000, usual: 100 };

/** So many are read at a time, while there is room for more. */
const READ = 100;

/** A page for a client ends when it is this long, in bytes or characters: it is held until the client has taken it. */
export const PAGE_SIZE = 1_048_576;

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

/**
 * Reads of a channel's past.
 *
 * @param channels the channels
 * @param found which of them
 * @param want which messages
 * @param most the page begins later where it would be longer than this, in bytes or characters
 */
export async function pageOf(
  channels: Channels,
  found: Found,
  { limit, before }: Want,
  most: number = Infinity,
): Promise<ValuePage> {
  let messages: Body[] = [];
  let to: number | undefined;
  if (found.options.history === undefined) return { messages, to: 0 };
  let last = before === undefined ? undefined : before - 1;
  let epoch: string | undefined;
  let size = 0;
  while (messages.length < limit && last !== 0 && size < most) {
    const part = await readBack(channels, found.name, last, Math.min(READ, limit - messages.length));
    // What is older may be forgotten by now, and what there was with it.
    const follows = to === undefined || (part.to === last && part.epoch === epoch);
    if (part.messages.length === 0 || !follows) break;
    to ??= part.to;
    epoch = part.epoch;
    last = part.to - part.messages.length;
    for (const { length } of part.messages) size += length;
    messages = part.messages.concat(messages);
  }
  return { messages, to: to ?? 0 };
}

interface Part {
  readonly messages: Body[];
  readonly to: number;
  readonly epoch: string;
}

/** Reads the last messages up to an offset, or the last there are. */
async function readBack(channels: Channels, name: string, last: number | undefined, limit: number): Promise<Part> {
  const request: PageRequest = last === undefined ? { limit } : { after: Math.max(0, last - limit), limit };
  let page = await channels.read(name, request);
  // Nothing stands there yet: what is before it are the last ones.
  if (last !== undefined && page.position.offset < last) page = await channels.read(name, { limit });
  const { messages, to, position } = page;
  // What is kept may begin later than what was asked for, and then go on behind it.
  const beyond = last === undefined ? 0 : Math.min(messages.length, Math.max(0, to - last));
  const kept = messages.slice(0, messages.length - beyond);
  return { messages: kept.map((body) => readPost(body).value), to: to - beyond, epoch: position.epoch };
}
