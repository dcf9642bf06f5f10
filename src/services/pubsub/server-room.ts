import type { Position, Retention } from "../../broker/broker.ts";
import type { ChannelFeed, ChannelRoster, Channels } from "../../broker/channels.ts";
import type { FeedListener } from "../../broker/feed.ts";
import type { RosterListener } from "../../broker/roster.ts";
import type { ConnectionHandle } from "../../service/contexts.ts";
import type { ServerHost } from "../../service/hosts.ts";
import type { StandardSchema } from "../../service/schema.ts";
import { writeFrame, type Body } from "../../wire/frames.ts";
import { writeNumber } from "../../wire/numbers.ts";
import { CHANGE, MOVED, SKIP, UNCOUNTED } from "./contract.ts";
import type { Params } from "./patterns.ts";
import { readPost, type Post } from "./post.ts";
import type { ChannelOptions } from "./types.ts";

/** A kind of channel, whatever it carries. */
export type AnyChannelOptions = ChannelOptions<never, StandardSchema, StandardSchema | undefined, unknown, never>;

/** What a room needs of its service. */
export interface RoomOwner {
  readonly host: ServerHost<Body, Body>;
  readonly channels: Channels;
  /** A connection of this server, by its id. */
  connectionOf(id: string): ConnectionHandle<unknown> | undefined;
  /** Whether somebody is in a channel here, by whichever room it has now. */
  isPresent(name: string, key: string): boolean;
  /** Nobody here wants it any more. */
  closed(room: Room): void;
}

/** A channel, as this server has it: while somebody here is subscribed to it. */
export class Room implements FeedListener, RosterListener {
  readonly name: string;
  readonly params: Params;
  readonly options: AnyChannelOptions;
  /** Its number here, which all subscribers are told. */
  readonly number: number;
  readonly members: Set<ConnectionHandle<unknown>>;
  /** Who follows who is there. */
  readonly watchers: Set<ConnectionHandle<unknown>>;
  /** The server's own, who hear of messages. */
  readonly listeners: Set<(value: Body, offset: number | undefined) => void> = new Set();
  /** The server's own, who hear where messages may have been missed. */
  readonly gaps: Set<() => void> = new Set();
  readonly feed: ChannelFeed;
  /** Settles when it hears of the channel. */
  readonly ready: Promise<void>;
  readonly #owner: RoomOwner;
  readonly #header: string;
  /** Whether something of it may still wait for a client that has left: its number is not another's then. */
  conflated = false;
  /** What connections of this server tell of themselves, by key. */
  readonly #present = new Map<string, Map<ConnectionHandle<unknown>, string>>();
  /** Of whom another server may tell by now. */
  readonly #moved = new Set<string>();
  #roster: ChannelRoster | undefined;
  #rosterReady: Promise<ChannelRoster> | undefined;
  #holds = 0;

  constructor(name: string, params: Params, options: AnyChannelOptions, number: number, owner: RoomOwner) {
    this.name = name;
    this.params = params;
    this.options = options;
    this.number = number;
    this.#owner = owner;
    this.members = owner.host.group();
    this.watchers = owner.host.group();
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
    this.#roster?.close();
    this.#owner.closed(this);
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
    for (const listener of this.listeners) listener(value, offset);
  }

  moved(position: Position | undefined, lost: boolean): void {
    const { offset: o, epoch: e } = position ?? {};
    const text = JSON.stringify({ o, e, l: lost ? 1 : undefined });
    this.#owner.host.broadcast(`${MOVED}${this.#header}${text}`, { to: this.members });
    if (lost) for (const gap of this.gaps) gap();
  }

  /** A message to one subscriber, of those that were published before; or that there was one that it does not get. */
  frameOf(body: Body, { id }: ConnectionHandle<unknown>): Body {
    const { value, except } = readPost(body);
    return except === id ? SKIP + this.#header : writeFrame(this.#header, value);
  }

  // --- who is there ---

  /** Tells that a connection is there, or what is new of it. */
  async enter(key: string, connection: ConnectionHandle<unknown>, state: string): Promise<void> {
    const own = this.#present.get(key) ?? new Map<ConnectionHandle<unknown>, string>();
    const before = lastOf(own);
    own.delete(connection);
    own.set(connection, state);
    this.#present.set(key, own);
    if (before !== state) await this.#owner.channels.enter(this.name, key, state);
  }

  /**
   * Tells that a connection is there no more.
   *
   * @param later whether another server may have it now, which tells by itself
   */
  async exit(key: string, connection: ConnectionHandle<unknown>, later: boolean): Promise<void> {
    const own = this.#present.get(key);
    if (own === undefined) return;
    const before = lastOf(own);
    if (own.delete(connection) && later) this.#moved.add(key);
    const state = lastOf(own);
    if (state === undefined) {
      this.#present.delete(key);
      const stays = (): boolean => {
        this.#moved.delete(key);
        return this.#owner.isPresent(this.name, key);
      };
      if (later || this.#moved.has(key)) this.#owner.channels.leaveLater(this.name, key, stays);
      else await this.#owner.channels.leave(this.name, key);
    } else if (state !== before) await this.#owner.channels.enter(this.name, key, state);
  }

  /** Whether a connection of this server is there under a key. */
  isPresent(key: string): boolean {
    return this.#present.has(key);
  }

  /** Who is there, on all servers. */
  roster(): Promise<ChannelRoster> {
    return (this.#rosterReady ??= this.#openRoster());
  }

  async #openRoster(): Promise<ChannelRoster> {
    const roster = this.#owner.channels.roster(this.name, this);
    this.#roster = roster;
    try {
      await roster.open();
      return roster;
    } catch (error) {
      roster.close();
      this.#rosterReady = this.#roster = undefined;
      throw error;
    }
  }

  join(key: string, state: string): void {
    this.#tell(`[[${JSON.stringify(key)},${state}]]`);
  }

  update(key: string, state: string): void {
    this.join(key, state);
  }

  leave(key: string): void {
    this.#tell(`[[${JSON.stringify(key)}]]`);
  }

  #tell(changes: string): void {
    this.#owner.host.broadcast(`${CHANGE}${this.#header}${changes}`, { to: this.watchers });
  }
}

function lastOf(states: ReadonlyMap<unknown, string>): string | undefined {
  let last: string | undefined;
  for (const state of states.values()) last = state;
  return last;
}
