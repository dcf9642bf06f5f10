import type { Body } from "../wire/frames.ts";
import type { Eventually, Page, PageRequest, Position } from "./broker.ts";

/** How many messages are read of a channel's past at a time. */
export const PAGE = 1000;

/** What somebody who joins gets of the past, up to where the feed stands. */
export interface Recovery {
  /** What was missed, oldest first. */
  readonly messages: readonly Body[];
  /** Where the first of them stands, or would: its offset is that of what went before. */
  readonly from: Position | undefined;
  /** Whether these are all that was missed. */
  readonly recovered: boolean;
}

/** What somebody who joins needs of a feed. */
export interface Standing {
  /** Where it stands, in a channel with history. */
  readonly position: Position | undefined;
  /** The last messages that it has told, at least those since somebody has begun to ask, without a hole. */
  readonly tail: readonly Body[];
}

/** What somebody who joins knows. */
export interface Joiner {
  /** The last message that they know. */
  readonly since: Position | undefined;
  /** How many of the last messages they want, where they know none: 1 at least. */
  readonly last: number;
  /** How long all that they get may be, in bytes or characters. */
  readonly most: number;
}

/**
 * Finds what somebody missed: what the engine has of it, and what the feed has told since.
 *
 * @param feed where the feed stands, at any time
 * @param read reads of the channel's past
 * @param joiner what they know
 * @param join called with what they missed, before the feed goes on
 * @throws {PrismError} `unavailable`
 */
export async function recover(
  feed: Standing,
  read: (request: PageRequest) => Eventually<Page>,
  { since, last, most }: Joiner,
  join: (recovery: Recovery) => void,
): Promise<void> {
  const messages: Body[] = [];
  let to = since?.offset;
  let size = 0;
  for (;;) {
    const page = await read(to === undefined ? { limit: last } : { after: to, limit: PAGE });
    const at = feed.position!;
    const first = page.to - page.messages.length;
    const { epoch } = since ?? page.position;
    to ??= first;
    // Who knows nothing misses nothing.
    const nothing: Recovery = { messages: [], from: at, recovered: since === undefined };
    if (epoch !== at.epoch || epoch !== page.position.epoch || first !== to) return join(nothing);
    if (since !== undefined && since.offset > at.offset) return join(nothing);
    for (const body of page.messages) {
      messages.push(body);
      size += body.length;
    }
    // More than may be sent is not read to its end.
    if (since !== undefined && size > most) return join(nothing);
    to = page.to;
    // The engine may be ahead of the feed, which then tells the rest.
    const missing = at.offset - to;
    if (missing <= feed.tail.length) {
      const known = missing < 0 ? messages.slice(0, missing) : messages;
      const all = known.concat(feed.tail.slice(feed.tail.length - Math.max(0, missing)));
      const wanted = since === undefined ? lastOf(all, last, most) : all;
      return join({ messages: wanted, from: { offset: at.offset - wanted.length, epoch }, recovered: true });
    }
    if (page.messages.length === 0) return join(nothing);
  }
}

/** As many of the last ones as are wanted, or as there is room for. */
function lastOf(all: readonly Body[], last: number, most: number): readonly Body[] {
  let first = all.length;
  for (let size = 0; first > Math.max(0, all.length - last); first--) {
    size += all[first - 1]!.length;
    if (size > most) break;
  }
  return all.slice(first);
}
