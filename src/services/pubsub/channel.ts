import type { MessageContext, Shape } from "../../service/contexts.ts";
import type { Json } from "../../service/json-type.ts";
import { isSchema, type SchemaInput, type SchemaOutput, type StandardSchema } from "../../service/schema.ts";
import type { Channel, ChannelOptions, EventDefinition, HistoryOptions } from "./types.ts";

/** How much a channel may keep: a page of it is sent to whoever comes back. */
const SIZE = { least: 1, most: 10_000 };

/** How long it may keep it, in ms: a second is what clocks and engines tell apart, and a month what they count. */
const TTL = { least: 1_000, most: 30 * 24 * 3_600_000 };

/** `channel`, for apps of a shape. */
export interface ChannelBuilder<S> {
  /**
   * Declares a kind of channel.
   *
   * @param options what it carries, and who may do what: nobody anything, where nothing is said
   * @returns the declaration, for `pubsub`
   * @throws {TypeError} for options that cannot be
   * @throws {RangeError} for a history that cannot be
   */
  <
    const M extends StandardSchema,
    I extends StandardSchema | undefined = undefined,
    P = never,
    Pattern extends string = string,
  >(
    options: ChannelOptions<S, M, I, P, Pattern>,
  ): Channel<
    {
      readonly given: SchemaInput<M>;
      readonly message: SchemaOutput<M> extends Uint8Array ? SchemaOutput<M> : Json<SchemaOutput<M>>;
      readonly input: I extends StandardSchema ? SchemaInput<I> : never;
      readonly member: Json<P>;
    },
    S,
    Pattern
  >;
  /** The same, for functions that need what this shape says of sessions and connections. */
  with<Needed extends Shape>(): ChannelBuilder<Needed>;
}

function define(options: ChannelOptions<never, StandardSchema, StandardSchema | undefined, unknown>): object {
  const { message, input, publish, subscribe, presence, history } = options;
  if (!isSchema(message)) throw new TypeError("A channel needs a schema for its messages");
  if (input !== undefined && !isSchema(input)) throw new TypeError("A channel's input is not a schema");
  if ((input === undefined) !== (publish === undefined)) {
    throw new TypeError("A channel that clients publish to needs both: input, and publish");
  }
  for (const hook of [publish, subscribe === true ? undefined : subscribe, presence]) {
    if (hook !== undefined && typeof hook !== "function") throw new TypeError(`Not a function: ${String(hook)}`);
  }
  if (history !== undefined) checkHistory(history);
  return { "~channel": options };
}

function checkHistory({ size, ttl }: HistoryOptions): void {
  if (!Number.isInteger(size) || size < SIZE.least || size > SIZE.most) {
    throw new RangeError(`A history's size is ${SIZE.least} to ${SIZE.most} messages, not ${size}`);
  }
  if (!(ttl >= TTL.least && ttl <= TTL.most)) {
    throw new RangeError(`A history's ttl is ${TTL.least} to ${TTL.most} ms, not ${ttl}`);
  }
}

/** Declares a kind of channel: see {@linkcode ChannelBuilder}. */
export const channel: ChannelBuilder<Shape> = /* @__PURE__ */ Object.assign(define as never, {
  with: () => channel as never,
});

/** `event`, for apps of a shape. */
export interface EventBuilder<S> {
  /**
   * Declares an event that clients send.
   *
   * @param input validates what they send
   * @param handler takes it; what it returns acknowledges it
   * @returns the declaration, for the option `receives` of `pubsub`
   */
  <I extends StandardSchema, Answer = void>(
    input: I,
    handler: (input: SchemaOutput<I>, context: MessageContext<S>) => Answer,
  ): EventDefinition<SchemaInput<I>, Json<Awaited<Answer>>, S>;
  /** The same, for handlers that need what this shape says of sessions and connections. */
  with<Needed extends Shape>(): EventBuilder<Needed>;
}

function defineEvent(input: StandardSchema, handler: unknown): object {
  if (!isSchema(input) || typeof handler !== "function") throw new TypeError("An event needs a schema and a handler");
  return { "~input": input, "~handler": handler };
}

/** Declares an event that clients send: see {@linkcode EventBuilder}. */
export const event: EventBuilder<Shape> = /* @__PURE__ */ Object.assign(defineEvent as never, {
  with: () => event as never,
});
