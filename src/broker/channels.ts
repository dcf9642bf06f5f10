import { isPrismError } from "../wire/errors.ts";
import type { Clock } from "../wire/clock.ts";
import type { Body } from "../wire/frames.ts";
import type { Broker, Eventually, Page, PageRequest, Position, Retention } from "./broker.ts";
import { Feed, type FeedListener } from "./feed.ts";
import type { Recovery } from "./recovery.ts";
import { Roster, type RosterListener } from "./roster.ts";
import { RunWriter } from "./runs.ts";

/** After how long what could not be listened to is tried again, in ms. */
const AGAIN = 1_000;

/** How a message is published. */
export interface PublishOptions {
  /** Whether it is stored and numbered, and for how long. */
  readonly retention?: Retention | undefined;
}

/** A channel as one server hears it: each message once and in order, and every gap told. */
export interface ChannelFeed {
  /** Where it stands: at the last message that was told. `undefined` for a channel without history. */
  readonly position: Position | undefined;
  /**
   * Begins to hear.
   *
   * @param retention how the channel keeps history, if it does
   * @throws {PrismError} `unavailable`
   */
  open(retention?: Retention): Promise<void>;
  /**
   * Finds what somebody missed, up to where the feed stands.
   *
   * @param since the last message that they know
   * @param last how many of the last messages they want, where they know none
   * @param join called with it, while nothing else is told
   * @param most how long all of it may be, in bytes or characters: where they have missed more it is as good as lost, and of
   *   the last ones they get fewer
   * @throws {PrismError} `unavailable`
   */
  recover(since: Position | undefined, last: number, join: (recovery: Recovery) => void, most?: number): Promise<void>;
  /** Hears no more. */
  close(): void;
}

/** Who is in a channel, as one server knows it: each of them once, on however many servers they are. */
export interface ChannelRoster {
  /** What is told of whom, by key. */
  readonly members: ReadonlyMap<string, string>;
  /**
   * Begins to hear. Who is there already is not told of.
   *
   * @throws {PrismError} `unavailable`
   */
  open(): Promise<void>;
  /** Hears no more. */
  close(): void;
}

/** The channels of one part of the app, on all its servers. Their names are this part's own. */
export class Channels {
  readonly #broker: Broker;
  readonly #clock: Clock;
  readonly #prefix: string;
  readonly #runs: RunWriter | undefined;

  /**
   * Opens the channels of one part of an app.
   *
   * @param broker carries them
   * @param clock for how long holes are waited for
   * @param part whose they are
   */
  constructor(broker: Broker, clock: Clock, part: string) {
    this.#broker = broker;
    this.#clock = clock;
    this.#prefix = `${part}/`;
    this.#runs = broker.exact ? undefined : new RunWriter();
  }

  /** Names this server among those of the app. */
  get node(): string {
    return this.#broker.node;
  }

  /**
   * Publishes a message to all servers that listen, this one included.
   *
   * @param channel the channel's name, 1 to 400 characters from 0x21 to 0x7E
   * @param body the message
   * @param options whether it is kept
   * @returns where it stands in its channel, if it is kept
   * @throws {PrismError} `unavailable`, also as a rejection
   */
  publish(channel: string, body: Body, { retention }: PublishOptions = {}): Eventually<Position | undefined> {
    const name = this.#prefix + channel;
    if (retention !== undefined || this.#runs === undefined) return this.#broker.publish(name, body, retention);
    return this.#broker.publish(name, this.#runs.write(name, body));
  }

  /** Listens to a channel, once it is opened: each message once and in order, and every gap told. */
  feed(channel: string, listener: FeedListener): ChannelFeed {
    return new Feed(this.#broker, this.#clock, this.#prefix + channel, listener);
  }

  /** Listens to a channel that keeps no history from now on, as soon as that can be. */
  listen(channel: string, listener: (body: Body) => void): ChannelFeed {
    const feed = this.feed(channel, { message: listener, moved: () => {} });
    const open = (): void => {
      feed.open().catch((error: unknown) => {
        if (!isPrismError(error, "closed")) this.#clock.setTimer(open, AGAIN);
      });
    };
    open();
    return feed;
  }

  /** Reads of a channel's past. */
  read(channel: string, request: PageRequest): Eventually<Page> {
    return this.#broker.read(this.#prefix + channel, request);
  }

  /** Tells that somebody is in a channel here, or what is new of them. */
  enter(channel: string, key: string, state: string): Eventually<void> {
    return this.#broker.enter(this.#prefix + channel, key, state);
  }

  /** Tells that somebody is not in a channel here any more. */
  leave(channel: string, key: string): Eventually<void> {
    return this.#broker.leave(this.#prefix + channel, key);
  }

  /**
   * Tells that somebody is not in a channel here any more, after as long as what a node has told outlives it: where another
   * server tells of them by then, nobody notices.
   *
   * @param stays whether they are here again
   */
  leaveLater(channel: string, key: string, stays: () => boolean): void {
    this.#clock.setTimer(() => {
      // The broker says what failed; the lease ends it.
      if (!stays()) void Promise.resolve(this.leave(channel, key)).catch(() => {});
    }, this.#broker.lease);
  }

  /** Who is in a channel. */
  async roll(channel: string): Promise<ReadonlyMap<string, string>> {
    const { entries } = await this.#broker.roll(this.#prefix + channel);
    return new Map(entries.map(({ key, state }) => [key, state]));
  }

  /** Follows who is in a channel, once it is opened. */
  roster(channel: string, listener: RosterListener): ChannelRoster {
    return new Roster(this.#broker, this.#clock, this.#prefix + channel, listener);
  }
}
