import type { ConnectionHandle, MessageContext } from "../../service/contexts.ts";
import { checkDepth } from "../../service/depth.ts";
import { validate } from "../../service/schema.ts";
import { after } from "../../service/thenable.ts";
import { readValue, values } from "../../service/values.ts";
import { PrismError } from "../../wire/errors.ts";
import { bodyText } from "../../wire/codecs.ts";
import { writeFrame, type Body } from "../../wire/frames.ts";
import { EVENT, openBody, restOf } from "./contract.ts";
import type { PostOptions } from "./post.ts";
import type { Hub } from "./server-hub.ts";
import type { Emits, EventDefinition, PublishCallOptions, Receives, Target } from "./types.ts";

/** On which servers tell each other what is meant for clients of all of them: no channel's name, in its one form, holds `!`. */
const ALL = "!all";

/** What servers tell each other: whom it is meant for, and what it is. */
interface Order extends PostOptions {
  readonly session?: string | undefined;
  readonly user?: string | undefined;
  readonly connection?: string | undefined;
  /** The channel that they are to be taken out of, and why. */
  readonly kick?: readonly [name: string, reason: string] | undefined;
}

/** What the app says of its events. */
export interface EventOptions {
  readonly receives: Receives;
  readonly emits: Emits;
  readonly user: ((who: MessageContext<never>) => string | undefined) | undefined;
}

/** Events of the app's own, and what is said to somebody wherever they are. */
export class Events {
  readonly #hub: Hub;
  readonly #receives: ReadonlyMap<string, EventDefinition>;
  readonly #emits: Emits;
  readonly #user: EventOptions["user"];

  constructor(hub: Hub, { receives, emits, user }: EventOptions) {
    this.#hub = hub;
    this.#receives = new Map(Object.entries(receives));
    this.#emits = emits;
    this.#user = user;
    const feed = hub.rooms.channels.listen(ALL, (body) => this.#obey(body));
    hub.host.onclose(() => feed.close());
  }

  /** Takes an event of a client's. Returns what acknowledges it. */
  take(name: string, body: Body, who: MessageContext<unknown>): unknown {
    const definition = this.#receives.get(name);
    if (definition === undefined) throw new PrismError("not_found", `No event ${name}`);
    checkDepth(values, body, this.#hub.host.limits.depth);
    const given = validate(definition["~input"], readValue(body));
    return after(given, (input) => definition["~handler"](input as never, who as never));
  }

  /** Sends an event. */
  async emit(name: string, data: unknown, target: Target | undefined, options: PostOptions): Promise<void> {
    const body = await this.#write(name, data);
    await this.#order({ ...toIds(target), ...options }, body);
  }

  /** Sends an event to one client, and waits for its answer. */
  async ask(
    connection: ConnectionHandle<unknown>,
    name: string,
    data: unknown,
    options?: PublishCallOptions,
  ): Promise<unknown> {
    return this.#hub.host.call(connection, await this.#write(name, data), options);
  }

  /** Ends subscriptions, on all servers. */
  async kick(name: string, target: Target | undefined, reason: string): Promise<void> {
    await this.#order({ ...toIds(target), kick: [name, reason] }, "");
  }

  async #write(name: string, data: unknown): Promise<Body> {
    const schema = Object.hasOwn(this.#emits, name) ? this.#emits[name] : undefined;
    if (schema === undefined) throw new PrismError("not_found", `No event ${name}`);
    return writeFrame(`${EVENT}${name} `, values.encode(await validate(schema, data)));
  }

  async #order(order: Order, body: Body): Promise<void> {
    await this.#hub.rooms.channels.publish(ALL, writeFrame(`${toAscii(JSON.stringify(order))}\n`, body));
  }

  #obey(message: Body): void {
    const cursor = openBody(message);
    const end = typeof message === "string" ? message.indexOf("\n") : message.indexOf(0x0a);
    const head = typeof message === "string" ? message.slice(0, end) : bodyText(message.subarray(0, end));
    cursor.at = end + 1;
    let order: Order;
    try {
      order = JSON.parse(head) as Order;
    } catch (error) {
      return this.#hub.host.log.warn("Not an order of another server's", error);
    }
    if (order.kick === undefined) this.#send(order, restOf(message, cursor));
    else this.#kick(order, order.kick);
  }

  #send(order: Order, body: Body): void {
    const { host } = this.#hub;
    const everybody = order.session === undefined && order.user === undefined && order.connection === undefined;
    const all = [...host.connections].filter((connection) => everybody || this.#isMeant(order, connection));
    const except = all.find(({ id }) => id === order.except);
    const conflate = order.conflate === undefined ? undefined : `${host.name} ${order.conflate}`;
    host.broadcast(body, { to: all, except, volatile: order.volatile, conflate });
  }

  #kick(order: Order, [name, reason]: readonly [string, string]): void {
    const everybody = order.session === undefined && order.user === undefined && order.connection === undefined;
    for (const subscriber of this.#hub.subscribers) {
      const subscription = subscriber.byName.get(name);
      if (subscription === undefined || !(everybody || this.#isMeant(order, subscriber.connection))) continue;
      this.#hub.kick(subscriber, subscription, "unauthorized", reason);
    }
  }

  #isMeant({ session, user, connection: id }: Order, connection: ConnectionHandle<unknown>): boolean {
    if (id !== undefined && connection.id !== id) return false;
    if (session === undefined && user === undefined) return true;
    const own = this.#hub.host.sessionOf(connection);
    if (session !== undefined && own.id !== session) return false;
    if (user === undefined) return true;
    try {
      return this.#user?.({ connection, session: own } as never) === user;
    } catch (error) {
      this.#hub.host.events.emit("error", error);
      return false;
    }
  }
}

/** Whoever names nobody by mistake does not mean everybody. */
function toIds(target: Target | undefined): Pick<Order, "session" | "user" | "connection"> {
  if (target === undefined) return {};
  const { session, user, connection } = target;
  if (session === undefined && user === undefined && connection === undefined)
    throw new TypeError("A target names a session, a user or a connection");
  return { session, user, connection: typeof connection === "object" ? connection.id : connection };
}

function toAscii(text: string): string {
  return text.replace(/[\u0080-\uffff]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
