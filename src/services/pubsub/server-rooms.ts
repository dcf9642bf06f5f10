import type { Channels } from "../../broker/channels.ts";
import { Ids } from "./ids.ts";
import type { ConnectionHandle, MessageContext } from "../../service/contexts.ts";
import type { ServerHost } from "../../service/hosts.ts";
import { isThenable } from "../../service/thenable.ts";
import { PrismError } from "../../wire/errors.ts";
import type { Body } from "../../wire/frames.ts";
import type { Params, Patterns } from "./patterns.ts";
import { Room, type AnyChannelOptions, type RoomOwner } from "./server-room.ts";
import type { ChannelContext, PubsubEvents } from "./types.ts";

/** What the service is given. */
export type PubsubHost = ServerHost<Body, Body, unknown, PubsubEvents>;

/** A channel's name, with what is declared of it. */
export interface Found {
  readonly name: string;
  readonly options: AnyChannelOptions;
  readonly params: Params;
}

/** The channels of a service that somebody at this server wants. */
export class Rooms implements RoomOwner {
  readonly host: PubsubHost;
  readonly channels: Channels;
  /** The connections that have subscriptions, by their ids. */
  readonly connections: Map<string, ConnectionHandle<unknown>> = new Map();
  readonly #patterns: Patterns<AnyChannelOptions>;
  readonly #rooms = new Map<string, Room>();
  readonly #ids = new Ids();

  /**
   * @param host the service's
   * @param patterns what is declared
   */
  constructor(host: PubsubHost, patterns: Patterns<AnyChannelOptions>) {
    this.host = host;
    this.channels = host.channels;
    this.#patterns = patterns;
  }

  /**
   * What is declared of a channel.
   *
   * @param name its name in its one form
   * @throws {PrismError} `not_found`
   */
  find(name: string): Found {
    const found = this.#patterns.find(name);
    if (found === undefined) throw new PrismError("not_found", `No channel ${name}`);
    return { name, options: found.value, params: found.params };
  }

  connectionOf(id: string): ConnectionHandle<unknown> | undefined {
    return this.connections.get(id);
  }

  /** A channel's name as its room has it, where there is one: each of thousands of subscriptions would keep one. */
  nameOf(name: string): string {
    return this.#rooms.get(name)?.name ?? name;
  }

  /** The room of a channel, which somebody here holds from now on. */
  enter({ name, options, params }: Found): Room {
    const there = this.#rooms.get(name);
    there?.hold();
    if (there !== undefined) return there;
    const room = new Room(name, params, options, this.#ids.take(), this);
    this.#rooms.set(name, room);
    // First, since who hears of it may hold it for a moment.
    room.hold();
    this.host.events.emit("channelopen", { service: this.host.name, name, params });
    return room;
  }

  isPresent(name: string, key: string): boolean {
    return this.#rooms.get(name)?.isPresent(key) ?? false;
  }

  closed({ name, number, params, conflated }: Room): void {
    this.#rooms.delete(name);
    if (!conflated) this.#ids.free(number);
    this.host.events.emit("channelclose", { service: this.host.name, name, params });
  }

  /** Calls a listener of the app's: what it throws is reported. */
  tell<Given extends readonly unknown[]>(listener: (...given: Given) => unknown, ...given: Given): void {
    const failed = (error: unknown): void => this.host.events.emit("error", error);
    try {
      const late = listener(...given);
      if (isThenable(late)) Promise.resolve(late).catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}

/** Who does something with a channel, for those whom the app asks. */
export function toContext(who: MessageContext<unknown>, name: string, params: Params): ChannelContext<unknown, never> {
  return { connection: who.connection, session: who.session, name, params };
}
