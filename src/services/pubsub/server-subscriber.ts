import type { ConnectionHandle } from "../../service/contexts.ts";
import type { Room } from "./server-room.ts";

/** One connection's subscription of one channel. */
export class Subscription {
  /** The client's number for it. */
  readonly number: number;
  readonly name: string;
  /** Whether it follows who is there. */
  watching: boolean;
  /** The channel, once there is leave. */
  room: Room | undefined;
  /** The key under which its client is there. */
  key: string | undefined;
  /** What others are told of its client. */
  state: string | undefined;
  /** How often the app was asked for that: its last answer counts. */
  asked = 0;
  /** Whether its client was told that it has begun. */
  live = false;
  /** Whether the app was. */
  told = false;
  /** Whether it has ended, whatever is still under way. */
  over = false;

  constructor(number: number, name: string, watching: boolean) {
    this.number = number;
    this.name = name;
    this.watching = watching;
  }
}

/** A connection that has subscriptions. */
export class Subscriber {
  readonly connection: ConnectionHandle<unknown>;
  readonly byNumber: Map<number, Subscription> = new Map();
  readonly byName: Map<string, Subscription> = new Map();
  /** Whether another server goes on with it. */
  parked = false;

  constructor(connection: ConnectionHandle<unknown>) {
    this.connection = connection;
  }

  add(subscription: Subscription): void {
    this.byNumber.set(subscription.number, subscription);
    this.byName.set(subscription.name, subscription);
  }

  delete({ number, name }: Subscription): void {
    this.byNumber.delete(number);
    this.byName.delete(name);
  }
}

/** What another server needs of a subscription. */
export interface ParkedSubscription {
  readonly s: number;
  readonly c: string;
  readonly w?: 1 | undefined;
  readonly o?: number | undefined;
  readonly e?: string | undefined;
  readonly k?: string | undefined;
  readonly t?: string | undefined;
}
