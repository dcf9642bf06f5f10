import type { Clock, Timer } from "../wire/clock.ts";
import type { ChannelListener, Delivery, EntryChange } from "./broker.ts";
import type { Patience } from "./patience.ts";
import { duplicate, type RedisClient, type RedisConnection } from "./redis-client.ts";
import type { RedisLine } from "./redis-line.ts";
import { fromPublished } from "./redis-payload.ts";
import { type Joining, type Room, type Subscription, tell } from "./redis-room.ts";

/** How many channels one command names at most. */
const BATCH = 500;
/** How long it waits before it connects again, in ms: more each time, up to the second. */
const [SOON, LATE] = [50, 2_000];

/** What comes from Redis, on a connection of its own. */
export class RedisSubscriber {
  readonly #client: RedisClient;
  readonly #clock: Clock;
  readonly #patience: Patience;
  readonly #ms: number;
  readonly #probe: string;
  readonly #rooms = new Map<string, Room>();
  #connection: RedisConnection | undefined;
  /** Whether the connection takes commands. */
  #up = false;
  #timer: Timer | undefined;
  #failures = 0;
  #lost = false;
  #closed = false;
  #probed = 0;
  #heard = 0;
  #probeUntil: number | undefined;

  constructor(client: RedisClient, clock: Clock, patience: Patience, ms: number, probe: string) {
    this.#client = client;
    this.#clock = clock;
    this.#patience = patience;
    this.#ms = ms;
    this.#probe = probe;
  }

  /**
   * Subscribes.
   *
   * @param live the channel's name in Redis
   * @param listener hears of it
   * @returns takes it off
   */
  subscribe(live: string, listener: ChannelListener): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const room = this.#rooms.get(live) ?? { listeners: [], joining: new Set<Joining>(), joined: false };
      const joining: Joining = {
        join: () => {
          if (this.#patience.done(joining)) resolve(this.#add(live, room, listener));
        },
        fail: (error) => {
          room.joining.delete(joining);
          this.#leave(live, room);
          reject(error);
        },
      };
      if (!this.#patience.add(joining)) return;
      if (room.joined) {
        joining.join();
        return;
      }
      room.joining.add(joining);
      if (this.#rooms.has(live)) return;
      this.#rooms.set(live, room);
      if (this.#up) void this.#join([[live, room]]);
      else this.#connect();
    });
  }

  /** Tells all listeners that something may not have come. */
  interrupt(): void {
    for (const room of this.#rooms.values()) tell(room.listeners, undefined);
  }

  /** Finds out whether what is published is heard here, and connects elsewhere if it is not. */
  async probe(line: RedisLine): Promise<void> {
    if (!this.#up) return;
    const connection = this.#connection;
    if (this.#probeUntil !== undefined) {
      if (this.#clock.now() > this.#probeUntil) this.#drop(connection);
      return;
    }
    const number = ++this.#probed;
    await line.publish(this.#probe, `p${number}`);
    if (connection === this.#connection && this.#heard < number) this.#probeUntil = this.#clock.now() + this.#ms;
  }

  /** Hears nothing any more. */
  close(): void {
    this.#closed = true;
    for (const room of this.#rooms.values()) for (const subscription of room.listeners) subscription.on = false;
    this.#rooms.clear();
    this.#timer?.cancel();
    this.#drop(this.#connection);
  }

  #add(live: string, room: Room, listener: ChannelListener): () => void {
    const subscription: Subscription = { listener, on: true };
    room.listeners = [...room.listeners, subscription];
    return () => {
      if (!subscription.on) return;
      subscription.on = false;
      room.listeners = room.listeners.filter((one) => one !== subscription);
      this.#leave(live, room);
    };
  }

  /** Commands on one connection are done in their order: what is said last holds. */
  #leave(live: string, room: Room): void {
    if (room.listeners.length > 0 || room.joining.size > 0 || this.#rooms.get(live) !== room) return;
    this.#rooms.delete(live);
    // Should it fail, the connection is lost, and with it the subscription.
    if (this.#up) this.#connection?.unsubscribe(live).catch(ignore);
  }

  #join(rooms: readonly (readonly [live: string, room: Room])[]): Promise<void> {
    const connection = this.#connection!;
    const names = rooms.map(([live]) => live);
    return connection.subscribe(...names).then(
      () => {
        if (connection !== this.#connection) return;
        for (const [live, room] of rooms) {
          if (this.#rooms.get(live) !== room) continue;
          room.joined = true;
          const { listeners } = room;
          for (const joining of room.joining) {
            room.joining.delete(joining);
            joining.join();
          }
          if (this.#lost) tell(listeners, undefined);
        }
      },
      (error: unknown) => {
        if (connection !== this.#connection) return;
        // Refused: no use in asking again.
        if (this.#up && isRefusal(error)) {
          for (const [, room] of rooms) {
            for (const joining of room.joining) if (this.#patience.done(joining)) joining.fail(error);
          }
        } else this.#drop(connection);
      },
    );
  }

  #connect(): void {
    if (this.#connection || this.#timer || this.#closed) return;
    const connection = duplicate(this.#client, this.#clock.random());
    if (!connection) {
      this.#reconnect();
      return;
    }
    this.#connection = connection;
    this.#timer = this.#clock.setTimer(() => {
      this.#timer = undefined;
      this.#drop(connection);
    }, this.#ms);
    // What goes wrong closes it.
    connection.on("error", ignore);
    connection.on("close", () => this.#drop(connection));
    connection.on("connect", () => void connection.stream?.unref?.());
    connection.on("messageBuffer", (channel, message) => this.#hear(channel, message));
    this.#open(connection).catch(() => this.#drop(connection));
  }

  async #open(connection: RedisConnection): Promise<void> {
    await connection.connect();
    await connection.subscribe(this.#probe);
    if (connection !== this.#connection) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#up = true;
    this.#failures = 0;
    const rooms = [...this.#rooms];
    for (let from = 0; from < rooms.length; from += BATCH) {
      const some = rooms.slice(from, from + BATCH).filter(([live, room]) => this.#rooms.get(live) === room);
      if (some.length > 0) await this.#join(some);
      if (connection !== this.#connection) return;
    }
    this.#lost = false;
  }

  #drop(connection: RedisConnection | undefined): void {
    if (!connection || connection !== this.#connection) return;
    this.#connection = undefined;
    this.#lost ||= this.#up;
    this.#up = false;
    this.#probeUntil = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const room of this.#rooms.values()) room.joined = false;
    connection.disconnect();
    this.#reconnect();
  }

  #reconnect(): void {
    if (this.#closed) return;
    const wait = Math.min(LATE, SOON * 2 ** Math.min(this.#failures++, 10));
    this.#timer = this.#clock.setTimer(
      () => {
        this.#timer = undefined;
        if (this.#rooms.size > 0) this.#connect();
      },
      wait * (0.5 + this.#clock.random() / 2),
    );
  }

  #hear(channel: Uint8Array, message: Uint8Array): void {
    const live = toName(channel);
    if (live === this.#probe) {
      this.#heard = this.#probed;
      this.#probeUntil = undefined;
      return;
    }
    const room = this.#rooms.get(live);
    if (!room || room.listeners.length === 0) return;
    let heard: Delivery | EntryChange | undefined;
    try {
      heard = fromPublished(message);
    } catch {
      // Somebody else's.
    }
    if (heard !== undefined) tell(room.listeners, heard);
  }
}

/** Names are of ASCII, but for the user's own prefix. */
function toName(channel: Uint8Array): string {
  // A client's own bytes, which write themselves.
  return (channel as { toString(): string }).toString();
}

function isRefusal(error: unknown): boolean {
  return (error as Error | undefined)?.name === "ReplyError";
}

function ignore(): void {}
