import type { Position } from "../../broker/broker.ts";
import type { ConnectionHandle } from "../../service/contexts.ts";
import type { Off } from "../../service/emitter.ts";
import type { Json } from "../../service/json-type.ts";
import type { SchemaInput } from "../../service/schema.ts";
import type { PostOptions } from "./post.ts";
import type { HistoryRequest, MessageInfo, PastMessage } from "./client-api.ts";
import type { Emits, NameOf, ParamsArgument, PatternOf, PublishCallOptions, Target, TypesOfChannel } from "./types.ts";
import type { Params } from "./patterns.ts";

/** How the server publishes. */
export interface PublishOptions extends Omit<PostOptions, "except"> {
  /** A connection that does not get it: the sender's, say. */
  readonly except?: ConnectionHandle<unknown> | string | undefined;
}

/** How the server sends an event. */
export interface EmitOptions extends PublishOptions {
  /** To whom: to all clients of the app where nothing is said. */
  readonly to?: Target | undefined;
}

/** A message that was published through this server. */
export interface Published {
  /** The channel's name. */
  readonly name: string;
  /** The parameters of its name. */
  readonly params: Params;
}

/** A channel, at the server. */
export interface ServerChannel<Given, Message, Member> {
  /** Its name, in its one form. */
  readonly name: string;
  /** Publishes: see {@linkcode PubsubServer.publish}. */
  publish(message: Given, options?: PublishOptions): Promise<Position | undefined>;
  /**
   * Hears every message, whichever server it was published through, from when this settles.
   *
   * @param listener called with each
   * @param gap called where messages may have been missed
   * @returns takes the listener off
   */
  subscribe(listener: (message: Message, info: MessageInfo) => void, gap?: () => void): Promise<Off>;
  /** Who is there, on all servers, by key. */
  members(): Promise<ReadonlyMap<string, Member>>;
  /** Reads of what is kept, newest last. */
  history(request?: HistoryRequest): Promise<readonly PastMessage<Message>[]>;
  /** Ends the subscriptions of somebody, on all servers: of everybody where nothing is said. */
  kick(who?: Target, reason?: string): Promise<void>;
}

/** What an app gets for a pubsub service under `app.services`. */
export interface PubsubServer<C, E> {
  /**
   * Publishes a message to all who are subscribed, on all servers.
   *
   * @param name the channel's name
   * @param message what its `message` schema takes
   * @param options who does not get it, and whether it may be dropped
   * @returns where it stands, in a channel that keeps history
   * @throws {PrismError} `not_found` for a name that no pattern fits, `bad_input` for a message that does not fit,
   *   `unavailable` where the broker is away; all as rejections
   */
  publish<const Name extends NameOf<keyof C & string>>(
    name: Name,
    message: TypesOfChannel<C[PatternOf<C, Name>]>["given"],
    options?: PublishOptions,
  ): Promise<Position | undefined>;
  /** A channel, by its pattern and the texts to complete that with. */
  channel<Pattern extends keyof C & string>(
    pattern: Pattern,
    ...params: ParamsArgument<Pattern>
  ): ServerChannel<
    TypesOfChannel<C[Pattern]>["given"],
    TypesOfChannel<C[Pattern]>["message"],
    TypesOfChannel<C[Pattern]>["member"]
  >;
  /**
   * Hears of every message that is published through this server, by clients or by the app: so each is heard on one server.
   *
   * @param pattern which channels: `*` stands for any segment, `**` at the end for any that follow
   * @param listener called with each, once it is published
   * @returns takes the listener off
   */
  on(pattern: string, listener: (message: Json<unknown>, published: Published) => void): Off;
  /**
   * Sends an event to clients, on all servers.
   *
   * @throws {PrismError} `bad_input` for data that do not fit, `unavailable` where the broker is away; as rejections
   */
  emit<Name extends keyof E & string>(
    name: Name,
    data: E[Name] extends Emits[string] ? SchemaInput<E[Name]> : never,
    options?: EmitOptions,
  ): Promise<void>;
  /** Sends an event to one client of this server, and waits for what its listener returns. */
  ask<Name extends keyof E & string>(
    connection: ConnectionHandle<unknown>,
    name: Name,
    data: E[Name] extends Emits[string] ? SchemaInput<E[Name]> : never,
    options?: PublishCallOptions,
  ): Promise<unknown>;
  /** Asks `presence` again for all subscriptions of a connection, and tells the others what is new. */
  refreshPresence(connection: ConnectionHandle<unknown>): Promise<void>;
}
