import type { ConnectionHandle, MessageContext } from "../../service/contexts.ts";
import { PRESENCE } from "./contract.ts";
import { toPresence } from "./presence.ts";
import { toContext, type PubsubHost } from "./server-rooms.ts";
import type { Subscription } from "./server-subscriber.ts";

/** Who of this server is there, and who follows that. */
export class Attendance {
  readonly #host: PubsubHost;

  /** @param host the service's */
  constructor(host: PubsubHost) {
    this.#host = host;
  }

  /** Tells that a subscriber is there. */
  enter(connection: ConnectionHandle<unknown>, { room, key, state }: Subscription): void {
    if (key !== undefined) this.#soon(room!.presence.enter(key, connection, state!));
  }

  /**
   * Tells that a subscriber is there no more.
   *
   * @param later whether another server may have it now, which tells by itself
   */
  exit(connection: ConnectionHandle<unknown>, { room, key }: Subscription, later: boolean): void {
    if (key !== undefined) this.#soon(room!.presence.exit(key, connection, later));
  }

  /** Tells again what others are told of a subscriber. */
  async refresh(own: Subscription, who: MessageContext<unknown>): Promise<void> {
    const { room } = own;
    const presence = room?.options.presence;
    if (room === undefined || presence === undefined) return;
    const asked = ++own.asked;
    const told = await toPresence(await presence(toContext(who, room.name, room.params)), who.session.id);
    if (own.over || own.asked !== asked) return;
    const { connection } = who;
    const { key } = own;
    Object.assign(own, told);
    // What has not begun yet tells it when it does.
    if (!own.told) return;
    const entered = room.presence.enter(told.key, connection, told.state);
    if (key !== undefined && key !== told.key) {
      this.#soon(room.presence.exit(key, connection, false));
      this.#host.send(connection, `${PRESENCE}${JSON.stringify({ s: own.number, k: told.key })}`);
    }
    await entered;
  }

  /** Has a subscriber follow who is there: from now on, or from when it begins. */
  async watch(connection: ConnectionHandle<unknown>, own: Subscription): Promise<void> {
    own.watching = true;
    const { room } = own;
    if (room === undefined || !own.live) return;
    const roster = await room.presence.roster();
    // It may have left while it waited.
    if (own.over || !own.watching) return;
    // First, since what is sent may end the connection.
    room.presence.watchers.add(connection);
    const members = [...roster.members].map(([key, state]) => `[${JSON.stringify(key)},${state}]`);
    this.#host.send(connection, `${PRESENCE}{"s":${own.number},"m":[${members.join(",")}]}`);
  }

  /** Has a subscriber follow that no more. */
  unwatch(connection: ConnectionHandle<unknown>, own: Subscription): void {
    own.watching = false;
    own.room?.presence.watchers.delete(connection);
  }

  #soon(work: Promise<void>): void {
    work.catch((error: unknown) => this.#host.log.warn("Presence could not be told", error));
  }
}
