import type { Call } from "../../service/call.ts";
import type { Off } from "../../service/emitter.ts";
import type { Json } from "../../service/json-type.ts";
import type { SchemaOutput } from "../../service/schema.ts";
import type { ClientHalf } from "../../service/service.ts";
import type {
  Channel,
  Emits,
  EventAnswer,
  EventDefinition,
  EventInput,
  ParamsArgument,
  PublishCallOptions,
  TypesOfChannel,
} from "./types.ts";

/** What is known of a message beside what it says. */
export interface MessageInfo {
  /** Its offset, in a channel that keeps history: one more than that of the message before it. */
  readonly offset: number | undefined;
  /** Whether it was published before the subscription began, or while it was interrupted. */
  readonly recovered: boolean;
}

/** How a subscription began, or goes on. */
export interface SubscribedInfo {
  /** Whether every message is there since it last was: `false` says that some may be missing. `true` the first time. */
  readonly recovered: boolean;
  /** Whether it is the first time. */
  readonly first: boolean;
}

/** What happens to a subscription. */
export interface ChannelEvents {
  /** It has begun, or goes on after an interruption: over another connection, on another server, or after a gap. */
  readonly subscribed: SubscribedInfo;
  /** The server has ended it, or refused it. Listeners stay, and hear again once somebody subscribes anew. */
  readonly ended: Error;
}

/** Where messages are read from. */
export interface HistoryRequest {
  /** How many at most: 1 to 1,000; 100 where nothing is said. */
  readonly limit?: number | undefined;
  /** Only those before this offset: for what is older than the page before. */
  readonly before?: number | undefined;
}

/** A message of the past. */
export interface PastMessage<Message> {
  /** What it says. */
  readonly message: Message;
  /** Its offset. */
  readonly offset: number;
}

/** How a subscription begins. */
export interface SubscribeOptions {
  /** How many of the channel's last messages to begin with: 0 where nothing is said, or where `on` has subscribed before. */
  readonly last?: number | undefined;
}

/** Who is in a channel. */
export interface ClientPresence<Member> {
  /**
   * Follows who is there, and subscribes, until it is told to stop.
   *
   * @returns settles with those who are there; stops when `off` is called
   */
  follow(): Promise<Off>;
  /** Who is there, by key, while it is followed. */
  readonly members: ReadonlyMap<string, Member>;
  /** The key under which this client is there itself; `undefined` before it is. */
  readonly self: string | undefined;
  /** Calls a listener with each member that comes, is told of anew, or goes; follows while there is one. */
  on(name: "join" | "update" | "leave", listener: (member: Member, key: string) => void): Off;
}

/** A channel at the client. There is one object for each name. */
export interface ClientChannel<Message, Input, Member> extends AsyncIterable<Message> {
  /** Its name, in its one form. */
  readonly name: string;
  /** Whether it is subscribed now. */
  readonly subscribed: boolean;
  /**
   * Calls a listener with each message. While there is a listener, an iteration or a `subscribe` that was not taken back, the
   * channel is subscribed, over whatever connections and servers.
   *
   * @returns takes the listener off
   */
  on(listener: (message: Message, info: MessageInfo) => void): Off;
  /** Calls a listener with each event of a name; does not subscribe. */
  on<Name extends keyof ChannelEvents>(name: Name, listener: (value: ChannelEvents[Name]) => void): Off;
  /**
   * Subscribes.
   *
   * @param options what to begin with, if it is not subscribed already
   * @returns settles when it is subscribed; the function that it gives takes it back
   * @throws {PrismError} `unauthorized` where the server says no, `not_found` where there is no such channel, `busy` beyond
   *   the cap, all as rejections
   */
  subscribe(options?: SubscribeOptions): Promise<Off>;
  /**
   * Publishes.
   *
   * @param input what the channel's `input` takes
   * @returns settles when it is published
   */
  publish(...input: [Input] extends [never] ? [never] : [input: Input, options?: PublishCallOptions]): Call<void>;
  /** Reads of what the server keeps, newest last. */
  history(request?: HistoryRequest): Promise<readonly PastMessage<Message>[]>;
  /** Who is there. */
  readonly presence: ClientPresence<Member>;
  /** Ends every subscription of this channel here. */
  unsubscribe(): void;
}

/** What a client has of a pubsub service. */
export interface PubsubClient<C, R, E> {
  /**
   * A channel: always the same object for the same name.
   *
   * @param pattern the channel's pattern
   * @param params what to complete it with, as texts: they are escaped
   * @throws {PrismError} `bad_input` for parameters that make no name
   */
  channel<Pattern extends keyof C & string>(
    pattern: Pattern,
    ...params: ParamsArgument<Pattern>
  ): ClientChannel<
    TypesOfChannel<C[Pattern]>["message"],
    TypesOfChannel<C[Pattern]>["input"],
    TypesOfChannel<C[Pattern]>["member"]
  >;
  /**
   * Sends an event to the server.
   *
   * @returns the acknowledgement: what the server's handler returned
   */
  emit<Name extends keyof R & string>(
    name: Name,
    data: EventInput<R[Name]>,
    options?: PublishCallOptions,
  ): Call<EventAnswer<R[Name]>>;
  /** Calls a listener with each event of a name that the server sends. What it returns acknowledges one that was asked for. */
  on<Name extends keyof E & string>(name: Name, listener: (data: Json<SchemaOutput<E[Name]>>) => unknown): Off;
}

/** The client of a pubsub service whose types are not known. */
export type UntypedPubsubClient = PubsubClient<
  Readonly<Record<string, Channel<{ given: unknown; message: unknown; input: unknown; member: unknown }>>>,
  Readonly<Record<string, EventDefinition>>,
  Emits
>;

/** The client half of a pubsub service. */
export interface PubsubHalf extends ClientHalf<"pubsub", UntypedPubsubClient> {}
