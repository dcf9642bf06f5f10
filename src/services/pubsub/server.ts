/**
 * The pubsub service: channels that clients subscribe to and publish on, with who is there and what was said before.
 *
 * @module
 */
import type { ConnectionHandle, MessageContext, ServiceCallContext, Shape } from "../../service/contexts.ts";
import type { ServerHost } from "../../service/hosts.ts";
import { checkName } from "../../service/names.ts";
import type { Service } from "../../service/service.ts";
import type { UnionToIntersection } from "../../service/union.ts";
import { raw, readValue, values } from "../../service/values.ts";
import { PrismError } from "../../wire/errors.ts";
import type { Body } from "../../wire/frames.ts";
import {
  EVENT,
  hasNumber,
  HISTORY,
  openBody,
  PRESENCE,
  PUBLISH,
  restOf,
  SUBSCRIBE,
  takeName,
  takeNumber,
  takeObject,
  UNSUBSCRIBE,
} from "./contract.ts";
import { Events } from "./events.ts";
import { PAGE_SIZE, pageOf, toPageRequest } from "./history.ts";
import { toCanonical, toName } from "./names.ts";
import { Patterns } from "./patterns.ts";
import { Publisher } from "./publisher.ts";
import type { EmitOptions, PublishOptions, PubsubServer, ServerChannel } from "./server-api.ts";
import { Hub } from "./server-hub.ts";
import { Rooms, type Found } from "./server-rooms.ts";
import type { AnyChannelOptions } from "./server-room.ts";
import type { PubsubClient, PubsubHalf } from "./client-api.ts";
import type { Channel, Channels, Emits, PubsubEvents, Receives, Target } from "./types.ts";

export type { Json, JsonObject, JsonValue, NotFunction, NotFunctionObject } from "../../service/json-type.ts";
export { channel, event } from "./channel.ts";
export type * from "./channel.ts";
export type { Position } from "../../broker/broker.ts";
export type { Params } from "./patterns.ts";
export type { PostOptions } from "./post.ts";
export type * from "./server-api.ts";
export type * from "./client-api.ts";
export type * from "./types.ts";

/** A pubsub service. */
export interface PubsubService<C, R, E, Needs> extends Service<
  "pubsub",
  {
    readonly client: PubsubClient<C, R, E>;
    readonly half: PubsubHalf;
    readonly server: PubsubServer<C, E>;
    readonly needs: (shape: Needs) => void;
    readonly events: PubsubEvents;
  }
> {}

/** What declarations need of an app's shape: all that any of them needs. */
export type NeedsOf<D> = UnionToIntersection<
  {
    [Name in keyof D]: D[Name] extends { readonly "~needs"?: ((shape: infer Needs) => void) | undefined }
      ? Needs
      : never;
  }[keyof D]
>;

/** What `pubsub` takes besides channels. */
export interface PubsubOptions<R, E> {
  /** Events that clients send, each made by {@linkcode event}. */
  readonly receives?: R | undefined;
  /** Events that the server sends, each with its schema. */
  readonly emits?: E | undefined;
  /** Who somebody is, so that `to: { user }` finds all of their connections. */
  readonly user?: ((who: MessageContext<never>) => string | undefined) | undefined;
  /** How many channels a connection may be subscribed to: 1,024. Each holds some hundred bytes, and a place in a fan-out. */
  readonly subscriptions?: number | undefined;
}

/** How many channels a connection may be subscribed to. */
const SUBSCRIPTIONS = 1024;

/**
 * Makes a service of channels.
 *
 * @param channels kinds of channel, by the patterns of their names: `chat/:room`
 * @param options events of the app's own, and limits
 * @returns the service, for `app.service(name, …)`
 * @throws {TypeError} for patterns that cannot be, or fit the same names
 * @example pubsub({ "chat/:room": channel({ message: v.string(), subscribe: true }) })
 */
export function pubsub<
  const C extends Channels<C>,
  const R extends Receives = Record<never, never>,
  const E extends Emits = Record<never, never>,
>(channels: C, options: PubsubOptions<R, E> = {}): PubsubService<C, R, E, NeedsOf<C> & NeedsOf<R>> {
  const patterns = new Patterns<AnyChannelOptions>();
  for (const [pattern, { "~channel": own }] of Object.entries<Channel>(channels)) patterns.add(pattern, own);
  const { receives = {} as R, emits = {} as E, user, subscriptions = SUBSCRIPTIONS } = options;
  for (const name of [...Object.keys(receives), ...Object.keys(emits)]) checkName(name, "event");
  return {
    kind: "pubsub",
    codec: values,
    callCodec: raw,
    messageCodec: raw,
    client: "pubsub",
    server: (host: ServerHost<Body, Body, Shape, PubsubEvents>): PubsubServer<C, E> => {
      const rooms = new Rooms(host, patterns);
      const hub = new Hub(rooms, subscriptions);
      const publisher = new Publisher(rooms);
      const events = new Events(hub, { receives, emits, user });
      host.oncall((body, context) => answer(hub, publisher, events, body, context));
      return createApi(hub, publisher, events) as unknown as PubsubServer<C, E>;
    },
  };
}

/** Does what a client asks for. */
function answer(hub: Hub, publisher: Publisher, events: Events, body: Body, context: ServiceCallContext): unknown {
  const { connection } = context;
  context.dropItems();
  const cursor = openBody(body);
  if (hasNumber(cursor)) {
    const subscription = hub.subscription(connection, takeNumber(cursor));
    if (subscription === undefined) throw new PrismError("not_found", "No such subscription");
    return publisher.take(hub.rooms.find(subscription.name), restOf(body, cursor), context);
  }
  const mark = cursor.text[cursor.at++];
  switch (mark) {
    case SUBSCRIBE: {
      const number = takeNumber(cursor);
      const { c, o, e, n, p } = takeObject(body, cursor);
      if (typeof c !== "string") throw new PrismError("bad_input", "A subscription needs a channel's name");
      const since = typeof o === "number" && typeof e === "string" ? { offset: toOffset(o), epoch: e } : undefined;
      const last = n === undefined ? 0 : toOffset(n);
      return hub.subscribe(number, hub.rooms.find(toCanonical(c)), { since, last, watch: p === 1 }, context);
    }
    case UNSUBSCRIBE:
      return hub.unsubscribe(connection, takeNumber(cursor));
    case PUBLISH:
      return publisher.take(hub.rooms.find(toCanonical(takeName(body, cursor))), restOf(body, cursor), context);
    case HISTORY: {
      const found = hub.rooms.find(toCanonical(takeName(body, cursor)));
      return streamHistory(hub, found, takeObject(body, cursor), context);
    }
    case PRESENCE: {
      const subscription = hub.subscription(connection, takeNumber(cursor));
      if (subscription === undefined) throw new PrismError("not_found", "No such subscription");
      if (cursor.text[cursor.at] === "1") return hub.attendance.watch(connection, subscription);
      return hub.attendance.unwatch(connection, subscription);
    }
    case EVENT:
      return events.take(takeName(body, cursor), restOf(body, cursor), context);
    default:
      throw new PrismError("bad_input", "Unknown request");
  }
}

function toOffset(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new PrismError("bad_input", "An offset is a number from 0");
}

async function* streamHistory(
  hub: Hub,
  found: Found,
  request: Readonly<Record<string, unknown>>,
  who: ServiceCallContext,
): AsyncGenerator<unknown, { readonly to: number }> {
  await hub.check(found, who);
  const want = toPageRequest(request);
  const { connection, signal } = who;
  await hub.readers.enter(connection);
  try {
    if (signal.aborted) return { to: 0 };
    const { messages, to } = await pageOf(hub.rooms.channels, found, want, PAGE_SIZE);
    for (const body of messages) yield readValue(body);
    return { to };
  } finally {
    hub.readers.leave(connection);
  }
}

function createApi(hub: Hub, publisher: Publisher, events: Events): object {
  const publish = async (name: string, message: unknown, options: PublishOptions = {}): Promise<unknown> => {
    const { except, ...rest } = options;
    const id = typeof except === "object" ? except.id : except;
    return publisher.publish(hub.rooms.find(toCanonical(name)), message, { ...rest, except: id });
  };
  const channelOf = (
    pattern: string,
    params?: Readonly<Record<string, string | number>>,
  ): ServerChannel<unknown, unknown, unknown> => {
    const found = hub.rooms.find(toCanonical(toName(pattern, params)));
    const { name } = found;
    return {
      name,
      publish: (message, options) => publish(name, message, options) as never,
      async subscribe(listener, gap) {
        const room = hub.rooms.enter(found);
        try {
          await room.ready;
        } catch (error) {
          room.release();
          throw error;
        }
        const off = room.listen({
          message: (value, offset) => hub.rooms.tell(listener, readValue(value), { offset, recovered: false }),
          missed: () => gap && hub.rooms.tell(gap),
        });
        return () => void (off() && room.release());
      },
      async members() {
        const roll = await hub.rooms.channels.roll(name);
        return new Map([...roll].map(([key, state]) => [key, JSON.parse(state) as unknown]));
      },
      async history(request = {}) {
        const { messages, to } = await pageOf(hub.rooms.channels, found, toPageRequest({ ...request }));
        return messages.map((body, at) => ({ message: readValue(body), offset: to - messages.length + at + 1 }));
      },
      kick: (who?: Target, reason = "Taken out") => events.kick(name, who, reason),
    };
  };
  return {
    publish,
    channel: channelOf,
    on: (pattern: string, listener: never) => publisher.watch(pattern, listener),
    emit: (name: string, data: unknown, { to, except, ...rest }: EmitOptions = {}) =>
      events.emit(name, data, to, { ...rest, except: typeof except === "object" ? except.id : except }),
    ask: (connection: ConnectionHandle<unknown>, name: string, data: unknown, options?: object) =>
      events.ask(connection, name, data, options),
    async refreshPresence(connection: ConnectionHandle<unknown>) {
      const who = { connection, session: hub.host.sessionOf(connection) };
      await Promise.all([...hub.subscriptionsOf(connection)].map((own) => hub.attendance.refresh(own, who as never)));
    },
  };
}
