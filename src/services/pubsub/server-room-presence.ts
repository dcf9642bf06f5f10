import type { ChannelRoster, Channels } from "../../broker/channels.ts";
import type { RosterListener } from "../../broker/roster.ts";
import type { ConnectionHandle } from "../../service/contexts.ts";
import type { ServerHost } from "../../service/hosts.ts";
import type { Body } from "../../wire/frames.ts";
import { CHANGE } from "./contract.ts";

/** What is needed of the service to tell who is in its channels. */
export interface RoomPresenceOwner {
  readonly host: ServerHost<Body, Body>;
  readonly channels: Channels;
  /** Whether somebody is in a channel here, by whichever room it has now. */
  isPresent(name: string, key: string): boolean;
}

/** Who is in a channel: what this server tells of its connections, and what its connections are told of all. */
export class RoomPresence implements RosterListener {
  /** Who follows who is there. */
  readonly watchers: Set<ConnectionHandle<unknown>>;
  readonly #name: string;
  readonly #header: string;
  readonly #owner: RoomPresenceOwner;
  /** What connections of this server tell of themselves, by key. */
  readonly #present = new Map<string, Map<ConnectionHandle<unknown>, string>>();
  /** Of whom another server may tell by now. */
  readonly #moved = new Set<string>();
  #roster: ChannelRoster | undefined;
  #rosterReady: Promise<ChannelRoster> | undefined;

  /**
   * @param name the channel's
   * @param header its number, as messages have it
   * @param owner the service
   */
  constructor(name: string, header: string, owner: RoomPresenceOwner) {
    this.#name = name;
    this.#header = header;
    this.#owner = owner;
    this.watchers = owner.host.group();
  }

  /** Hears no more of others. */
  close(): void {
    this.#roster?.close();
  }

  /** Tells that a connection is there, or what is new of it. */
  async enter(key: string, connection: ConnectionHandle<unknown>, state: string): Promise<void> {
    const own = this.#present.get(key) ?? new Map<ConnectionHandle<unknown>, string>();
    const before = lastOf(own);
    own.delete(connection);
    own.set(connection, state);
    this.#present.set(key, own);
    if (before !== state) await this.#owner.channels.enter(this.#name, key, state);
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
        return this.#owner.isPresent(this.#name, key);
      };
      if (later || this.#moved.has(key)) this.#owner.channels.leaveLater(this.#name, key, stays);
      else await this.#owner.channels.leave(this.#name, key);
    } else if (state !== before) await this.#owner.channels.enter(this.#name, key, state);
  }

  /** Whether a connection of this server is there under a key. */
  has(key: string): boolean {
    return this.#present.has(key);
  }

  /** Who is there, on all servers. */
  roster(): Promise<ChannelRoster> {
    return (this.#rosterReady ??= this.#openRoster());
  }

  async #openRoster(): Promise<ChannelRoster> {
    const roster = this.#owner.channels.roster(this.#name, this);
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
