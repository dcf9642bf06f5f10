import type { Clock, Timer } from "../wire/clock.ts";
import type { Body } from "../wire/frames.ts";
import type {
  ChannelListener,
  Delivery,
  Entry,
  EntryChange,
  Page,
  PageRequest,
  Position,
  Retention,
} from "./broker.ts";
import type { Roll } from "./broker.ts";
import { MemoryHistory } from "./memory-history.ts";

/** How often what is too old is looked for at most, in ms. */
const SWEEP = 1_000;
/** For how long runtimes can wait at most, in ms. */
const LONGEST = 0x7fffffff;

/** One `subscribe`. */
interface Subscription {
  readonly listener: ChannelListener;
  on: boolean;
}

interface Channel {
  /** Whoever listens; copied where it is changed, since it may be gone through. */
  subscriptions: readonly Subscription[];
  history: MemoryHistory | undefined;
  /** By node and key, from the first on. Kept with its version while anybody is there, or listens. */
  entries: Map<string, Map<string, string>> | undefined;
  version: number;
}

const NOBODY: readonly Subscription[] = [];

/** Something that waits until what is being delivered has come to all. */
interface Waiting {
  readonly subscriptions: readonly Subscription[];
  readonly delivery?: Delivery;
  readonly change?: EntryChange;
}

/** What nodes in one process share: `createMemoryHub` makes one. */
export class MemoryHub {
  /** The time that messages' ages and leases are measured by. */
  readonly clock: Clock;
  readonly #channels = new Map<string, Channel>();
  readonly #histories = new Map<string, Channel>();
  readonly #waiting: Waiting[] = [];
  #delivering = false;
  #timer: Timer | undefined;
  #due = Infinity;

  /** @param clock the time */
  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** How many channels there is something to know of. */
  get size(): number {
    return this.#channels.size;
  }

  /** Brings a message to all that listen, and stores it where there is a retention. */
  publish(name: string, body: Body, retention: Retention | undefined): Position | undefined {
    if (retention === undefined) {
      const channel = this.#channels.get(name);
      if (channel && channel.subscriptions.length > 0)
        this.#deliver(channel.subscriptions, { body, position: undefined });
      return undefined;
    }
    const channel = this.#open(name);
    const now = this.clock.now();
    const history = this.#remember(name, channel, retention, now);
    const position = history.append(body, now);
    this.#watch(history.end, now);
    this.#deliver(channel.subscriptions, { body, position });
    return position;
  }

  /**
   * Adds a listener.
   *
   * @param name the channel's
   * @param listener hears of it
   * @param all the listeners of its node: it is among them until it is taken out
   * @returns takes it out
   */
  subscribe(name: string, listener: ChannelListener, all: Set<() => void>): () => void {
    const channel = this.#open(name);
    const subscription: Subscription = { listener, on: true };
    channel.subscriptions = channel.subscriptions.concat(subscription);
    const off = (): void => {
      if (!all.delete(off)) return;
      subscription.on = false;
      channel.subscriptions = channel.subscriptions.filter((one) => one !== subscription);
      // Who has listened may come back.
      if (channel.subscriptions.length === 0 && channel.history) this.#touch(channel.history, this.clock.now());
      this.#forget(name, channel);
    };
    all.add(off);
    return off;
  }

  /** Reads of a channel's past; an epoch is named for who says how it is kept. */
  read(name: string, request: PageRequest): Page {
    const { retention } = request;
    const now = this.clock.now();
    if (retention !== undefined) {
      const history = this.#remember(name, this.#open(name), retention, now);
      if (history.isEmpty) this.#touch(history, now);
      return history.read(request);
    }
    const channel = this.#channels.get(name);
    if (channel) this.#expire(name, channel, now);
    return channel?.history?.read(request) ?? { messages: [], to: 0, position: { offset: 0, epoch: "" } };
  }

  /** Tells what a node says of somebody. */
  enter(name: string, node: string, key: string, state: string): void {
    const channel = this.#open(name);
    const entries = (channel.entries ??= new Map());
    let own = entries.get(node);
    if (!own) entries.set(node, (own = new Map()));
    own.set(key, state);
    this.#tell(channel, { node, key, state, version: ++channel.version });
  }

  /** Tells that somebody whom a node has entered is there no more; nothing where it has not. */
  leave(name: string, node: string, key: string): void {
    const channel = this.#channels.get(name);
    const own = channel?.entries?.get(node);
    if (!channel || !own?.delete(key)) return;
    if (own.size === 0) channel.entries!.delete(node);
    this.#tell(channel, { node, key, state: undefined, version: ++channel.version });
    this.#forget(name, channel);
  }

  /** Who is in a channel. */
  roll(name: string): Roll {
    const channel = this.#channels.get(name);
    const entries: Entry[] = [];
    for (const [node, own] of channel?.entries ?? [])
      for (const [key, state] of own) entries.push({ node, key, state });
    return { entries, version: channel?.version ?? 0 };
  }

  #open(name: string): Channel {
    let channel = this.#channels.get(name);
    if (!channel) {
      channel = { subscriptions: NOBODY, history: undefined, entries: undefined, version: 0 };
      this.#channels.set(name, channel);
    }
    return channel;
  }

  #forget(name: string, channel: Channel): void {
    if (channel.subscriptions.length === 0 && !channel.entries?.size && !channel.history) this.#channels.delete(name);
  }

  /** What listeners publish while they hear waits, so that all hear both in the same order. */
  #deliver(subscriptions: readonly Subscription[], delivery: Delivery): void {
    if (this.#delivering) {
      this.#waiting.push({ subscriptions, delivery });
      return;
    }
    this.#delivering = true;
    try {
      for (let i = 0; i < subscriptions.length; i++)
        if (subscriptions[i]!.on) subscriptions[i]!.listener.message(delivery);
      if (this.#waiting.length > 0) this.#drain();
    } finally {
      this.#delivering = false;
    }
  }

  #tell(channel: Channel, change: EntryChange): void {
    this.#waiting.push({ subscriptions: channel.subscriptions, change });
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      this.#drain();
    } finally {
      this.#delivering = false;
    }
  }

  #drain(): void {
    for (let i = 0; i < this.#waiting.length; i++) {
      const { subscriptions, delivery, change } = this.#waiting[i]!;
      for (const { on, listener } of subscriptions) {
        if (!on) continue;
        if (delivery) listener.message(delivery);
        if (change) listener.change(change);
      }
    }
    this.#waiting.length = 0;
  }

  /** A channel's past; it begins where nothing is known of it. */
  #remember(name: string, channel: Channel, retention: Retention, now: number): MemoryHistory {
    if (!isKept(channel, now)) {
      channel.history = new MemoryHistory(retention);
      this.#histories.set(name, channel);
    }
    return channel.history!;
  }

  #touch(history: MemoryHistory, now: number): void {
    history.touch(now);
    this.#watch(history.end, now);
  }

  #expire(name: string, channel: Channel, now: number): void {
    if (!channel.history || isKept(channel, now)) return;
    channel.history = undefined;
    this.#histories.delete(name);
    this.#forget(name, channel);
  }

  /** One timer for all messages, and none for nothing. */
  #watch(end: number, now: number): void {
    if (end >= this.#due) return;
    this.#due = Math.max(end, now + SWEEP);
    this.#timer?.cancel();
    this.#timer = this.clock.setTimer(() => this.#sweep(), Math.min(this.#due - now, LONGEST));
  }

  #sweep(): void {
    this.#timer = undefined;
    this.#due = Infinity;
    let end = Infinity;
    const now = this.clock.now();
    for (const [name, channel] of this.#histories) {
      this.#expire(name, channel, now);
      const { history, subscriptions } = channel;
      // One without a message stays while somebody listens.
      if (history && !(history.isEmpty && subscriptions.length > 0)) end = Math.min(end, history.end);
    }
    if (end < Infinity) this.#watch(end, now);
  }
}

/** Whether a channel's past goes on: there is a message, or somebody knows its epoch. */
function isKept({ history, subscriptions }: Channel, now: number): boolean {
  return history !== undefined && (history.expire(now) || subscriptions.length > 0);
}

/**
 * Makes what nodes in one process share, such as an app and the one that takes its place, or the apps of a test.
 *
 * @param clock the time; its timers run only while messages are kept
 * @returns the hub, of which nothing outlives the process
 */
export function createMemoryHub(clock: Clock): MemoryHub {
  return new MemoryHub(clock);
}
