import type { Position, Retention } from "../../broker/broker.ts";
import type { ChannelFeed, Channels } from "../../broker/channels.ts";
import type { FeedListener } from "../../broker/feed.ts";
import type { ConnectionHandle } from "../../service/contexts.ts";
import type { ServerHost } from "../../service/hosts.ts";
import type { StandardSchema } from "../../service/schema.ts";
import { writeFrame, type Body } from "../../wire/frames.ts";
import { writeNumber } from "../../wire/numbers.ts";
import { MOVED, SKIP, UNCOUNTED } from "./contract.ts";
import type { Params } from "./patterns.ts";
import { readPost, type Post } from "./post.ts";
import { RoomPresence, type RoomPresenceOwner } from "./server-room-presence.ts";
import type { ChannelOptions } from "./types.ts";

/** A kind of channel, whatever it carries. */
export type AnyChannelOptions = ChannelOptions<never, StandardSchema, StandardSchema | undefined, unknown, never>;

/** What a room needs of its service. */
export interface RoomOwner extends RoomPresenceOwner {
  readonly host: ServerHost<Body, Body>;
  readonly channels: Channels;
  /** A connection of this server, by its id. */
  connectionOf(id: string): ConnectionHandle<unknown> | undefined;
  /** Nobody here wants it any more. */
  closed(room: Room): void;
}

/** One of the server's own, who hears what is published to a channel. */
export interface RoomListener {
  message(value: Body, offset: number | undefined): void;
  /** Messages may have been missed. */
  missed(): void;
}

/** A channel, as this server has it: while somebody here is subscribed to it. */
export class Room implements FeedListener {
  readonly name: string;
  readonly params: Params;
  readonly options: AnyChannelOptions;
  /** Its number here, which all subscribers are told. */
  readonly number: number;
  readonly members: Set<ConnectionHandle<unknown>>;
  readonly feed: ChannelFeed;
  /** Settles when it hears of the channel. */
  readonly ready: Promise<void>;
  readonly #owner: RoomOwner;
  readonly #header: string;
  /** Whether something of it may still wait for a client that has left: its number is not another's then. */
  conflated = false;
  // What most channels have none of is made when it is first needed: an empty set is 150 bytes.
  #listeners: Set<RoomListener> | undefined;
  #presence: RoomPresence | undefined;
  #holds = 0;

  constructor(name: string, params: Params, options: AnyChannelOptions, number: number, owner: RoomOwner) {
    this.name = name;
    this.params = params;
    this.options = options;
    this.number = number;
    this.#owner = owner;
    this.members = owner.host.group();
    this.#header = writeNumber(number);
    this.feed = owner.channels.feed(name, this);
    this.ready = this.feed.open(options.history);
    // Who holds it hears of it.
    this.ready.catch(() => {});
  }

  get retention(): Retention | undefined {
    return this.options.history;
  }

  /** Has it stay, until `release` is called as often. */
  hold(): void {
    this.#holds++;
  }

  release(): void {
    if (--this.#holds > 0) return;
    this.feed.close();
    this.#presence?.close();
    this.#owner.closed(this);
  }

  /** Takes a subscriber out. */
  delete(connection: ConnectionHandle<unknown>): void {
    this.members.delete(connection);
    this.#presence?.watchers.delete(connection);
  }

  /**
   * Adds one of the server's own.
   *
   * @returns takes it out; false where it is out already
   */
  listen(listener: RoomListener): () => boolean {
    const listeners = (this.#listeners ??= new Set());
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Who is there. */
  get presence(): RoomPresence {
    return (this.#presence ??= new RoomPresence(this.name, this.#header, this.#owner));
  }

  /** Whether a connection of this server is there under a key. */
  isPresent(key: string): boolean {
    return this.#presence?.has(key) ?? false;
  }

  // --- what the channel tells ---

  message(body: Body, offset: number | undefined): void {
    const { host } = this.#owner;
    let post: Post;
    try {
      post = readPost(body);
    } catch (error) {
      return host.log.warn(`Not a message of ${this.name}`, error);
    }
    const { value, except: id, volatile, conflate } = post;
    if (conflate !== undefined) this.conflated = true;
    const counted = offset !== undefined || this.retention === undefined;
    const except = id === undefined ? undefined : this.#owner.connectionOf(id);
    const frame = writeFrame(counted ? this.#header : UNCOUNTED + this.#header, value);
    host.broadcast(frame, {
      to: this.members,
      except,
      volatile,
      conflate: conflate === undefined ? undefined : `${host.name}/${this.name} ${conflate}`,
    });
    if (except !== undefined && offset !== undefined && this.members.has(except))
      host.send(except, SKIP + this.#header);
    if (this.#listeners !== undefined) for (const listener of this.#listeners) listener.message(value, offset);
  }

  moved(position: Position | undefined, lost: boolean): void {
    const { offset: o, epoch: e } = position ?? {};
    const text = JSON.stringify({ o, e, l: lost ? 1 : undefined });
    this.#owner.host.broadcast(`${MOVED}${this.#header}${text}`, { to: this.members });
    if (lost) for (const listener of this.#listeners ?? []) listener.missed();
  }

  /** A message to one subscriber, of those that were published before; or that there was one that it does not get. */
  frameOf(body: Body, { id }: ConnectionHandle<unknown>): Body {
    const { value, except } = readPost(body);
    return except === id ? SKIP + this.#header : writeFrame(this.#header, value);
  }
}
