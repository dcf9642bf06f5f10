import type {
  Broker,
  ChannelListener,
  Eventually,
  Page,
  PageRequest,
  Position,
  Retention,
  Roll,
} from "../../src/broker/broker.ts";
import type { Body } from "../../src/wire/frames.ts";
import type { Clock } from "../../src/wire/clock.ts";
import { PrismError } from "../../src/wire/errors.ts";

/** What a shim does to what its broker brings. */
export interface Faults {
  /** How much of it comes twice: 0 to 1. */
  duplicate: number;
  /** How much of it comes late, and so behind what follows. */
  reorder: number;
  /** How late at most, in ms. */
  late: number;
  /** How long what is read may take, in ms. */
  slow: number;
  /** How much of what is read fails. */
  fail: number;
}

/** None of them. */
export const calm: Faults = { duplicate: 0, reorder: 0, late: 0, slow: 0, fail: 0 };

interface Subscription {
  readonly channel: string;
  readonly listener: ChannelListener;
  off: () => void;
  on: boolean;
}

/**
 * A broker that does all that a broker may do: it wraps any other, brings what that brings twice, late and in another order,
 * takes its time with what is read, and fails; and it loses all for a while, or for good, and tells of that afterwards.
 */
export class Shim implements Broker {
  /** May be changed at any time. */
  readonly faults: Faults;
  /** How much was brought twice, late, and not at all. */
  readonly done = { twice: 0, late: 0, dropped: 0, failed: 0 };
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #subscriptions = new Set<Subscription>();
  readonly #entered = new Map<string, Map<string, string>>();
  #inner: Broker;
  #cut = false;
  /** What is on its way is lost when this changes. */
  #connection = 0;

  /**
   * @param inner any broker
   * @param clock when what is late comes
   * @param random what happens to what
   * @param faults how often
   */
  constructor(inner: Broker, clock: Clock, random: () => number, faults: Partial<Faults> = {}) {
    this.#inner = inner;
    this.#clock = clock;
    this.#random = random;
    this.faults = { ...calm, ...faults };
  }

  get node(): string {
    return this.#inner.node;
  }

  get lease(): number {
    return this.#inner.lease;
  }

  // --- what goes wrong ---

  /** Loses what is on its way and all that comes, until `heal`. */
  cut(): void {
    this.#cut = true;
    this.#connection++;
  }

  /** Brings what comes from now on. */
  heal(): void {
    if (!this.#cut) return;
    this.#cut = false;
    for (const { on, listener } of this.#subscriptions) if (on) listener.interrupted();
  }

  /** Goes on with another engine, which knows nothing of what the one before knew. */
  async replace(inner: Broker): Promise<void> {
    this.cut();
    this.#inner = inner;
    for (const subscription of this.#subscriptions) await this.#attach(subscription);
    for (const [channel, states] of this.#entered)
      for (const [key, state] of states) await inner.enter(channel, key, state);
    this.heal();
  }

  /**
   * Listens to nothing at its engine any more, where what is published meanwhile would be lost.
   *
   * @returns listens again to what is still wanted
   */
  rest(): () => Promise<void> {
    const resting = [...this.#subscriptions];
    for (const { off } of resting) off();
    return async () => {
      for (const subscription of resting) if (subscription.on) await this.#attach(subscription);
    };
  }

  // --- as a broker ---

  publish(channel: string, body: Body, retention?: Retention): Eventually<Position | undefined> {
    return this.#inner.publish(channel, body, retention);
  }

  async subscribe(channel: string, listener: ChannelListener): Promise<() => void> {
    const subscription: Subscription = { channel, listener, off: () => {}, on: true };
    await this.#attach(subscription);
    this.#subscriptions.add(subscription);
    return () => {
      subscription.on = false;
      this.#subscriptions.delete(subscription);
      subscription.off();
    };
  }

  async #attach(subscription: Subscription): Promise<void> {
    const { channel, listener } = subscription;
    subscription.off = await this.#inner.subscribe(channel, {
      message: (delivery) => this.#bring(subscription, () => listener.message(delivery)),
      change: (change) => this.#bring(subscription, () => listener.change(change)),
      interrupted: () => listener.interrupted(),
    });
  }

  #bring(subscription: Subscription, bring: () => void): void {
    const { duplicate, reorder, late } = this.faults;
    const connection = this.#connection;
    const now = (): void => {
      if (!subscription.on) return;
      // What was published meanwhile is not going to come.
      if (connection !== this.#connection) this.done.dropped++;
      else bring();
    };
    if (this.#cut) {
      this.done.dropped++;
      return;
    }
    const later = (): void => void this.#clock.setTimer(now, 1 + Math.floor(this.#random() * late));
    if (this.#random() < duplicate) {
      this.done.twice++;
      later();
    }
    if (this.#random() < reorder) {
      this.done.late++;
      later();
    } else now();
  }

  read(channel: string, request: PageRequest): Promise<Page> {
    return this.#ask(() => this.#inner.read(channel, request));
  }

  roll(channel: string): Promise<Roll> {
    return this.#ask(() => this.#inner.roll(channel));
  }

  /** Takes its time before, and after. */
  async #ask<Value>(ask: () => Eventually<Value>): Promise<Value> {
    await this.#pass();
    if (this.#random() < this.faults.fail) {
      this.done.failed++;
      throw new PrismError("unavailable", "The shim fails");
    }
    const value = await ask();
    await this.#pass();
    return value;
  }

  #pass(): Promise<void> | undefined {
    const ms = Math.floor(this.#random() * this.faults.slow);
    return ms === 0 ? undefined : new Promise((resolve) => this.#clock.setTimer(resolve, ms));
  }

  async enter(channel: string, key: string, state: string): Promise<void> {
    const states = this.#entered.get(channel) ?? new Map<string, string>();
    this.#entered.set(channel, states.set(key, state));
    await this.#inner.enter(channel, key, state);
  }

  async leave(channel: string, key: string): Promise<void> {
    this.#entered.get(channel)?.delete(key);
    await this.#inner.leave(channel, key);
  }

  close(keep?: boolean): Eventually<void> {
    for (const subscription of this.#subscriptions) subscription.on = false;
    this.#subscriptions.clear();
    return this.#inner.close(keep);
  }
}
