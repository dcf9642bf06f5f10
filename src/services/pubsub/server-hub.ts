import type { Position } from "../../broker/broker.ts";
import type { Recovery } from "../../broker/recovery.ts";
import type { ConnectionHandle, MessageContext } from "../../service/contexts.ts";
import { isPrismError, PrismError } from "../../wire/errors.ts";
import { SUBSCRIBE, UNSUBSCRIBE, type Announcement } from "./contract.ts";
import { toPresence } from "./presence.ts";
import { Readers } from "./readers.ts";
import { Attendance } from "./server-attendance.ts";
import type { Room } from "./server-room.ts";
import { toContext, type Found, type PubsubHost, type Rooms } from "./server-rooms.ts";
import { Subscriber, Subscription, type ParkedSubscription } from "./server-subscriber.ts";

/** What a client wants of a subscription. */
export interface Wish {
  readonly since: Position | undefined;
  readonly last: number;
  readonly watch: boolean;
}

/** The channels of a service at one server, and who is subscribed to them. */
export class Hub {
  readonly host: PubsubHost;
  readonly rooms: Rooms;
  readonly attendance: Attendance;
  readonly readers: Readers = new Readers();
  readonly #most: number;
  readonly #subscribers = new Map<ConnectionHandle<unknown>, Subscriber>();

  /**
   * @param rooms the channels
   * @param most how many subscriptions a connection may have
   */
  constructor(rooms: Rooms, most: number) {
    const { host } = rooms;
    this.host = host;
    this.rooms = rooms;
    this.attendance = new Attendance(host);
    this.#most = most;
    host.onpark((connection) => this.#park(connection));
    host.onunpark((connection, parked) => this.#unpark(connection, parked as readonly ParkedSubscription[]));
    host.ondisconnect((connection) => this.#left(connection));
  }

  /** Everybody who is subscribed to something. */
  get subscribers(): Iterable<Subscriber> {
    return this.#subscribers.values();
  }

  /** The subscription of a connection with a number; `undefined` where there is none. */
  subscription(connection: ConnectionHandle<unknown>, number: number): Subscription | undefined {
    return this.#subscribers.get(connection)?.byNumber.get(number);
  }

  /** The subscriptions of a connection. */
  subscriptionsOf(connection: ConnectionHandle<unknown>): Iterable<Subscription> {
    return this.#subscribers.get(connection)?.byNumber.values() ?? [];
  }

  // --- subscribing ---

  /**
   * Whether a client may hear of a channel.
   *
   * @throws {PrismError} `unauthorized` where it may not
   */
  async check({ options: { subscribe }, name, params }: Found, who: MessageContext<unknown>): Promise<void> {
    if (subscribe === true) return;
    const context = toContext(who, name, params);
    if (subscribe === undefined || !(await subscribe(context))) {
      throw new PrismError("unauthorized", `Not allowed to subscribe to ${name}`);
    }
  }

  /**
   * Subscribes a client.
   *
   * @throws {PrismError} `unauthorized`, `busy`, `bad_input`, `unavailable`
   */
  async subscribe(number: number, found: Found, wish: Wish, who: MessageContext<unknown>): Promise<void> {
    const subscriber = this.#subscriberOf(who.connection);
    if (subscriber.byNumber.has(number)) throw new PrismError("bad_input", `Subscription ${number} is in use`);
    // Whoever asks for a channel anew has left it before, though that may have been refused, or be on its way.
    const before = subscriber.byName.get(found.name);
    if (before !== undefined) this.#end(subscriber, before);
    if (subscriber.byNumber.size >= this.#most) throw new PrismError("busy", `More than ${this.#most} subscriptions`);
    const own = new Subscription(number, this.rooms.nameOf(found.name), wish.watch);
    subscriber.add(own);
    try {
      await this.check(found, who);
      const { presence } = found.options;
      if (presence !== undefined && !own.over) {
        const told = await presence(toContext(who, found.name, found.params));
        Object.assign(own, await toPresence(told, who.session.id));
      }
      await this.#join(subscriber, own, found, wish);
    } catch (error) {
      this.#end(subscriber, own);
      throw error;
    }
  }

  async #join({ connection }: Subscriber, own: Subscription, found: Found, wish: Wish): Promise<void> {
    checkOn(own);
    const room = this.rooms.enter(found);
    // Whoever hears that a channel is opened may have ended it.
    if (own.over) room.release();
    else own.room = room;
    checkOn(own);
    await room.ready;
    const begin = (recovery: Recovery): void => {
      if (own.over) return;
      // First, since what is sent may end the connection, and this with it.
      own.live = true;
      room.members.add(connection);
      this.#announce(connection, own, room, recovery);
    };
    // All of it goes out at once: more than may wait for a client would end its connection, each time that it comes back.
    const most = this.host.limits.sendLimit / 2;
    await room.feed.recover(wish.since, Math.min(wish.last, room.retention?.size ?? 0), begin, most);
    checkOn(own);
    own.told = true;
    const { name, params } = room;
    this.host.events.emit("subscribe", { service: this.host.name, name, params, connection });
    checkOn(own);
    this.attendance.enter(connection, own);
    if (own.watching) await this.attendance.watch(connection, own);
  }

  #announce(connection: ConnectionHandle<unknown>, own: Subscription, room: Room, recovery: Recovery): void {
    const { messages, from, recovered } = recovery;
    const announcement: Announcement = {
      s: own.number,
      c: room.number,
      o: from?.offset,
      e: from?.epoch,
      l: recovered ? undefined : 1,
      k: own.key,
      r: messages.length || undefined,
    };
    this.host.send(connection, SUBSCRIBE + JSON.stringify(announcement));
    for (const message of messages) this.host.send(connection, room.frameOf(message, connection));
  }

  unsubscribe(connection: ConnectionHandle<unknown>, number: number): void {
    const subscriber = this.#subscribers.get(connection);
    const subscription = subscriber?.byNumber.get(number);
    if (subscriber !== undefined && subscription !== undefined) this.#end(subscriber, subscription);
  }

  /** Ends a subscription from here, and tells its client. */
  kick(subscriber: Subscriber, subscription: Subscription, code: string, message: string): void {
    this.#end(subscriber, subscription);
    const text = JSON.stringify({ s: subscription.number, code, message });
    this.host.send(subscriber.connection, UNSUBSCRIBE + text);
  }

  #end(subscriber: Subscriber, own: Subscription): void {
    if (own.over) return;
    own.over = true;
    subscriber.delete(own);
    const { room } = own;
    if (room === undefined) return;
    const { connection } = subscriber;
    const { name, params } = room;
    room.delete(connection);
    this.attendance.exit(connection, own, subscriber.parked);
    if (own.told) this.host.events.emit("unsubscribe", { service: this.host.name, name, params, connection });
    room.release();
  }

  #subscriberOf(connection: ConnectionHandle<unknown>): Subscriber {
    let subscriber = this.#subscribers.get(connection);
    if (subscriber === undefined) {
      if (connection.closed) throw new PrismError("lost");
      this.#subscribers.set(connection, (subscriber = new Subscriber(connection)));
      this.rooms.connections.set(connection.id, connection);
    }
    return subscriber;
  }

  #left(connection: ConnectionHandle<unknown>): void {
    const subscriber = this.#subscribers.get(connection);
    if (subscriber === undefined) return;
    this.#subscribers.delete(connection);
    this.rooms.connections.delete(connection.id);
    for (const subscription of subscriber.byNumber.values()) this.#end(subscriber, subscription);
  }

  // --- between servers ---

  /** What another server needs to go on. What has not begun yet is asked for there anew, by its client. */
  #park(connection: ConnectionHandle<unknown>): readonly ParkedSubscription[] | undefined {
    const subscriber = this.#subscribers.get(connection);
    if (subscriber === undefined) return undefined;
    subscriber.parked = true;
    const begun = [...subscriber.byNumber.values()].filter(({ live }) => live);
    return begun.map(({ number: s, name: c, watching, room, key: k, state: t }) => {
      const { offset: o, epoch: e } = room?.feed.position ?? {};
      return { s, c, w: watching ? 1 : undefined, o, e, k, t };
    });
  }

  #unpark(connection: ConnectionHandle<unknown>, parked: readonly ParkedSubscription[]): void {
    const subscriber = this.#subscriberOf(connection);
    for (const { s, c, w, o, e, k, t } of parked) {
      const own = new Subscription(s, this.rooms.nameOf(c), w === 1);
      Object.assign(own, { key: k, state: t });
      subscriber.add(own);
      const since = o === undefined || e === undefined ? undefined : { offset: o, epoch: e };
      void this.#rejoin(subscriber, own, { since, last: 0, watch: own.watching });
    }
  }

  async #rejoin(subscriber: Subscriber, own: Subscription, wish: Wish): Promise<void> {
    const { connection } = subscriber;
    try {
      const found = this.rooms.find(own.name);
      // It may have been taken out while it was on no server.
      await this.check(found, { connection, session: this.host.sessionOf(connection) } as MessageContext<unknown>);
      await this.#join(subscriber, own, found, wish);
    } catch (error) {
      if (own.over) return;
      if (!isPrismError(error)) this.host.events.emit("error", error);
      const { code, message } = isPrismError(error) ? error : new PrismError("internal");
      this.kick(subscriber, own, code, message);
    }
  }
}

/** Ends what is under way for a subscription that is over. */
function checkOn({ over }: Subscription): void {
  if (over) throw new PrismError("cancelled");
}
