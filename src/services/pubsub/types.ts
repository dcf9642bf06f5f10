import type { CallOptions } from "../../service/call.ts";
import type { ConnectionHandle, MessageContext, Shape } from "../../service/contexts.ts";
import type { SchemaInput, SchemaOutput, StandardSchema } from "../../service/schema.ts";
import type { Params } from "./patterns.ts";

/** What a channel carries; none of it exists at run time. */
export interface ChannelTypes {
  /** What a server publishes. */
  readonly given: unknown;
  /** What subscribers get. */
  readonly message: unknown;
  /** What clients publish; `never` where they may not. */
  readonly input: unknown;
  /** What is told of who is there; `never` where nothing is. */
  readonly member: unknown;
}

/** A kind of channel. Made by `channel`. */
export interface Channel<Types extends ChannelTypes = ChannelTypes, Needs = never, Pattern extends string = never> {
  /** How it goes about. */
  readonly "~channel": ChannelOptions<never, StandardSchema, StandardSchema | undefined, unknown, never>;
  /** For types only. */
  readonly "~types"?: Types | undefined;
  /** For types only: an app whose shape has less does not fit. */
  readonly "~needs"?: ((shape: Needs) => void) | undefined;
  /** For types only: what was declared for one pattern fits no other. */
  readonly "~pattern"?: ((pattern: Pattern) => void) | undefined;
}

/** The parameters of a channel's name, as texts: those of its pattern, where that is known. */
export type ParamsOf<Pattern> = string extends Pattern ? Params : { readonly [Name in ParamNames<Pattern>]: string };

/** Who does something with a channel. */
export interface ChannelContext<S = Shape, Pattern = string> extends MessageContext<S> {
  /** The channel's name, in its one form. */
  readonly name: string;
  /** The parameters of its name, as texts. */
  readonly params: ParamsOf<Pattern>;
}

/** How much of a channel's past is kept. */
export interface HistoryOptions {
  /** How many messages at most: 1 to 10,000. */
  readonly size: number;
  /** For how long each of them, in ms: at least 1,000. */
  readonly ttl: number;
}

/** What `channel` takes. */
export interface ChannelOptions<S, M, I, P, Pattern = string> {
  /** What subscribers get; what is published is validated by it, whoever publishes. */
  readonly message: M;
  /** What clients may publish; without it they may not. */
  readonly input?: I | undefined;
  /**
   * What becomes of what a client publishes: a message. Throws where the client may not. Without it clients may not.
   *
   * @param input what the client gave, validated
   * @param context who it is
   */
  readonly publish?:
    | ((input: SchemaOutput<I>, context: ChannelContext<S, Pattern>) => SchemaInput<M> | Promise<SchemaInput<M>>)
    | undefined;
  /** Who may subscribe, read the channel's past and see who is there: `true` for everybody; nobody where nothing is said. */
  readonly subscribe?: true | ((context: ChannelContext<S, Pattern>) => boolean | Promise<boolean>) | undefined;
  /**
   * What others are told of a subscriber: an object, as JSON of 4 KiB at most. Its `id`, where it has one, says who it is: two
   * connections of one `id` are one member. Where it has none, the session does. A session's own id is never told: wherever
   * it stands, others get a hash in its place.
   */
  readonly presence?: ((context: ChannelContext<S, Pattern>) => P | Promise<P>) | undefined;
  /** What is kept for those who come late, or come back; nothing where nothing is said. */
  readonly history?: HistoryOptions | undefined;
}

/** Kinds of channel, by the patterns of their names. */
export type Channels<C> = { readonly [Pattern in keyof C]: Channel<ChannelTypes, never, Pattern & string> };

/** What a kind of channel carries. */
export type TypesOfChannel<C> = C extends { readonly "~types"?: infer Types extends ChannelTypes | undefined }
  ? NonNullable<Types>
  : never;

/** The names of a pattern's parameters. */
export type ParamNames<Pattern> = Pattern extends `${infer Head}/${infer Tail}`
  ? ParamNames<Head> | ParamNames<Tail>
  : Pattern extends `:${infer Name}`
    ? Name
    : never;

/** What a pattern is completed with. */
export type ParamsArgument<Pattern> = [ParamNames<Pattern>] extends [never]
  ? [params?: undefined]
  : [params: { readonly [Name in ParamNames<Pattern>]: string | number }];

/** The names that fit a pattern. */
export type NameOf<Pattern extends string> = Pattern extends `${infer Head}/${infer Tail}`
  ? `${NameOf<Head>}/${NameOf<Tail>}`
  : Pattern extends `:${string}`
    ? string
    : Pattern;

/** The patterns that a name fits. */
export type PatternOf<C, Name> = Name extends keyof C
  ? Name
  : { [Pattern in keyof C & string]: Name extends NameOf<Pattern> ? Pattern : never }[keyof C & string];

/** What a publication or an event can be given. */
export type PublishCallOptions = Pick<CallOptions, "signal" | "timeout">;

/** Events that a client sends, with what the server does with each. */
export type Receives = Readonly<Record<string, EventDefinition>>;

/** Events that the server sends, with their schemas. */
export type Emits = Readonly<Record<string, StandardSchema>>;

/** What the server does with an event. Made by `event`. */
export interface EventDefinition<Input = unknown, Answer = unknown, Needs = never> {
  /** Validates what clients send. */
  readonly "~input": StandardSchema;
  /** Takes it; what it returns acknowledges it. */
  readonly "~handler": (input: never, context: never) => unknown;
  /** For types only. */
  readonly "~types"?: { readonly input: Input; readonly answer: Answer } | undefined;
  /** For types only: an app whose shape has less does not fit. */
  readonly "~needs"?: ((shape: Needs) => void) | undefined;
}

/** What an event takes and is acknowledged with. */
export type EventTypes<E> = E extends { readonly "~types"?: infer T } ? NonNullable<T> : never;

/** What an event takes. */
export type EventInput<E> = EventTypes<E> extends { readonly input: infer Input } ? Input : never;

/** What acknowledges an event. */
export type EventAnswer<E> = EventTypes<E> extends { readonly answer: infer Answer } ? Answer : never;

/** What happens to a channel at one server. */
export interface ChannelEvent {
  /** The name of the service. */
  readonly service: string;
  /** The channel's name. */
  readonly name: string;
  /** The parameters of its name. */
  readonly params: Params;
}

/** What happens to a subscription at one server. */
export interface SubscriptionEvent extends ChannelEvent {
  /** Whose it is. */
  readonly connection: ConnectionHandle<unknown>;
}

/** The events that pubsub adds to an app's bus, each of one server. */
export interface PubsubEvents {
  /** A channel has its first subscriber here. */
  readonly channelopen: ChannelEvent;
  /** A channel has lost its last subscriber here. */
  readonly channelclose: ChannelEvent;
  /** A client has subscribed, or come from another server with its subscription. */
  readonly subscribe: SubscriptionEvent;
  /** A client's subscription has ended, or gone to another server. */
  readonly unsubscribe: SubscriptionEvent;
}

/** Whom something is meant for. */
export interface Target {
  /** The connections of the session with this id, on all servers. */
  readonly session?: string | undefined;
  /** The connections of a user, by the key that the service's `user` gives, on all servers. */
  readonly user?: string | undefined;
  /** The connection with this id, on whatever server, or this one. */
  readonly connection?: string | ConnectionHandle<unknown> | undefined;
}
