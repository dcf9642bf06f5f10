import type { Clock } from "../wire/clock.ts";
import type { Body } from "../wire/frames.ts";

/** Where a message stands in a channel that keeps history. */
export interface Position {
  /** How many messages the channel has had in this epoch, this one included: the first is 1. */
  readonly offset: number;
  /** Names the run of offsets. A channel whose past is forgotten begins another. Empty where there is none. */
  readonly epoch: string;
}

/** How much of a channel's past is kept. */
export interface Retention {
  /** How many messages at most: 1 to 10,000. */
  readonly size: number;
  /** For how long after it was published each of them is kept, in ms: at least 1,000. */
  readonly ttl: number;
}

/** A message as an engine brings it. */
export interface Delivery {
  /** What was published. */
  readonly body: Body;
  /** Where it stands, in a channel that keeps history. */
  readonly position: Position | undefined;
}

/** Somebody is in a channel, as told by a node. */
export interface Entry {
  /** The node that has told. */
  readonly node: string;
  /** Who it is: 1 to 256 characters, any Unicode but lone surrogates. */
  readonly key: string;
  /** What is told of them: a text, any Unicode but lone surrogates. */
  readonly state: string;
}

/** Who is in a channel has changed. */
export interface EntryChange {
  /** The node that has told. */
  readonly node: string;
  /** Who it is. */
  readonly key: string;
  /** What is told of them now; `undefined` where they have left. */
  readonly state: string | undefined;
  /** That of the roll with this change: one more than before it. */
  readonly version: number;
}

/** Who is in a channel. */
export interface Roll {
  /** Everybody, once for each node that has told of them. */
  readonly entries: readonly Entry[];
  /** Grows by one with each change. Where nobody is in it any more it may be forgotten, and begin anew higher than it was. */
  readonly version: number;
}

/** A part of a channel's past. */
export interface Page {
  /** Oldest first, without a hole; the last of them stands at `to`. */
  readonly messages: readonly Body[];
  /** The offset of the last of the messages; where there is none, that after which they would begin. */
  readonly to: number;
  /**
   * Where the channel stands: `offset` 0 where it has never had a message, or has forgotten all that it knew; then the epoch
   * is that of its next message, if it has a name yet.
   */
  readonly position: Position;
}

/** What is asked for of a channel's past. */
export interface PageRequest {
  /** The messages behind this offset, from the oldest that is kept; where nothing is said, the last ones. */
  readonly after?: number | undefined;
  /** How many at most, the nearest to `after` first; where there is no `after`, the last so many. */
  readonly limit: number;
  /** That of the channel, where the reader goes on with what follows: then an epoch has a name before its first message. */
  readonly retention?: Retention | undefined;
}

/** Hears of a channel. Neither throws. */
export interface ChannelListener {
  /** A message was published, by whichever node, this one included. */
  message(delivery: Delivery): void;
  /** Who is in it has changed. */
  change(change: EntryChange): void;
  /** The engine was away: what was published or changed meanwhile may not have come, and is not going to. */
  interrupted(): void;
}

/** At once where the engine is in this process. */
export type Eventually<Value> = Value | Promise<Value>;

/**
 * The port that connects the servers of an app: what is published on one is heard on all, and a channel's past and who is
 * in it are known to all.
 *
 * Channels' names are Prism's own, 1 to 512 characters from 0x21 to 0x7E, compared as they are: `a/b`, `a//b`, `A/b` and
 * `a/b:c*` are four channels, whatever these characters mean to the engine. Bodies are texts, any Unicode but lone
 * surrogates, or bytes, of up to several MiB, and come as what they were.
 *
 * An implementation MUST
 * - bring each message to every node that has been subscribed since before it was published, the publishing one included,
 *   and tell those that it may not have reached with `interrupted`, once it reaches them again;
 * - with a retention, number the messages of a channel from 1, without a hole, whoever publishes them, store each in the
 *   step that numbers it, and give all nodes the same numbers; begin another epoch where it no longer knows the last one;
 * - name the next epoch where a channel that knows nothing is read with a retention: the same for all who ask, and the
 *   first message goes on with it. A name that nothing was published under is forgotten after the `ttl`, or a day, at the
 *   soonest, and never given again: who has heard nothing of an epoch knows by its name that there was nothing else;
 * - store a message once, or reject: where the outcome is not known, ask again in a way that does not store it twice;
 * - keep what `enter` has told until this node takes it back, or for `lease` ms after this node was last alive, and then
 *   take it out of every roll and tell of that, whether or not any other node asks;
 * - reject with a `PrismError` `unavailable` what the engine does not answer within `patience`, and what would have to
 *   wait behind `queue` others; and go on by itself once the engine is back, with what is subscribed and what was entered.
 *
 * It MAY
 * - bring messages and changes twice, late, or in another order than that of their offsets and versions: readers put that
 *   right, and what has no offset carries a number of its reader's own; late may be after a `subscribe` that was later;
 * - forget more of the past than the retention says, never less than `size` messages while they are younger than `ttl`,
 *   unless the engine itself has lost them;
 * - keep the retention that the channel had first for as long as its epoch goes on.
 *
 * It MUST NOT
 * - call a listener after its `off`, or before `subscribe` has settled;
 * - keep a process alive by itself, nor throw where it can reject.
 */
export interface Broker {
  /** Names this node among those that share the engine: 22 random characters of `A-Z a-z 0-9 - _`, new with each start. */
  readonly node: string;
  /** Whether it brings everything once, in order, and never is away: then nobody needs to look. */
  readonly exact?: boolean | undefined;
  /** For how long what a node has entered outlives it, in ms. */
  readonly lease: number;
  /**
   * Publishes a message.
   *
   * @param channel the channel
   * @param body the message
   * @param retention whether it is stored and numbered, and for how long
   * @returns where it stands, with a retention
   */
  publish(channel: string, body: Body, retention?: Retention): Eventually<Position | undefined>;
  /**
   * Hears of a channel from now on: of all that is published or changed after this has settled.
   *
   * @param channel the channel
   * @param listener hears of it; one of several on this node, as each `subscribe` has its own
   * @returns takes the listener off, at once
   */
  subscribe(channel: string, listener: ChannelListener): Eventually<() => void>;
  /**
   * Reads of a channel's past. All that is heard after this was called and is not in it stands behind it: behind its `to`,
   * where the limit has cut it off, and else behind its position.
   */
  read(channel: string, request: PageRequest): Eventually<Page>;
  /** Tells that somebody is in a channel, or what is new of them. */
  enter(channel: string, key: string, state: string): Eventually<void>;
  /** Tells that somebody whom this node has entered is there no more. */
  leave(channel: string, key: string): Eventually<void>;
  /** Who is in a channel, on whatever node. */
  roll(channel: string): Eventually<Roll>;
  /**
   * Ends what this node has with the engine, and everything that waits for it.
   *
   * @param keep whether what it has entered is left to the lease: others may have taken it over
   */
  close(keep?: boolean): Eventually<void>;
}

/** What an app is given as its broker: opened once, by the app, with its clock, and closed with it. */
export interface BrokerSource {
  /** Opens a node. */
  open(clock: Clock): Broker;
}
