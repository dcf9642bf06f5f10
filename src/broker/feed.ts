import type { Clock } from "../wire/clock.ts";
import { PrismError } from "../wire/errors.ts";
import type { Body } from "../wire/frames.ts";
import type { Broker, ChannelListener, Delivery, Page, PageRequest, Position, Retention } from "./broker.ts";
import { MOST_AHEAD } from "./catch-up.ts";
import { recover, type Recovery } from "./recovery.ts";
import { RunReader, type RunListener } from "./runs.ts";
import { Sequence } from "./sequence.ts";

/** What a feed tells. Neither throws. */
export interface FeedListener {
  /** The next message: what went before it came, or a gap was told. With its offset, where it has one. */
  message(body: Body, offset: number | undefined): void;
  /**
   * What comes next stands behind this position, or behind nothing that is known.
   *
   * @param lost whether messages were missed
   */
  moved(position: Position | undefined, lost: boolean): void;
}

/** A channel as one node hears it: each message once and in order, and every gap told. */
export class Feed implements ChannelListener, RunListener {
  readonly #broker: Broker;
  readonly #clock: Clock;
  readonly #channel: string;
  readonly #listener: FeedListener;
  /** What has no offset; `undefined` where the engine brings it in order. */
  readonly #runs: RunReader | undefined;
  /** What has one; made when the channel is known to have such. */
  #sequence: Sequence | undefined;
  /** What of that comes before it is known where the channel stands. */
  #early: Delivery[] | undefined;
  /** Whether that is not all. */
  #doubt = false;
  #retention: Retention | undefined;
  #off: (() => void) | undefined;
  #closed = false;

  /**
   * @param broker brings the messages
   * @param clock for how long a hole is waited for
   * @param channel the channel
   * @param listener is told of them
   */
  constructor(broker: Broker, clock: Clock, channel: string, listener: FeedListener) {
    this.#broker = broker;
    this.#clock = clock;
    this.#channel = channel;
    this.#listener = listener;
    this.#runs = broker.exact ? undefined : new RunReader(clock, this);
  }

  #order(): Sequence {
    if (this.#sequence !== undefined) return this.#sequence;
    const read = (request: PageRequest): Promise<Page> => this.#read(request);
    const source = { exact: this.#broker.exact === true, read };
    return (this.#sequence = new Sequence(this.#clock, source, this.#listener));
  }

  /** Where it stands: at the last message that was told. `undefined` for a channel without history. */
  get position(): Position | undefined {
    return this.#sequence?.position;
  }

  /**
   * Begins to hear. Where it fails it may be tried again.
   *
   * @param retention how the channel keeps history, if it does
   * @throws {PrismError} `unavailable`
   */
  async open(retention?: Retention): Promise<void> {
    if (this.#closed) return;
    this.#retention = retention;
    this.#early = retention && [];
    this.#doubt = false;
    try {
      const off = await this.#broker.subscribe(this.#channel, this);
      if (this.#closed) return off();
      this.#off = off;
      if (retention === undefined) return;
      const { position } = await this.#broker.read(this.#channel, { limit: 0, retention });
      if (!this.#closed) this.#begin(position);
    } catch (error) {
      this.#early = undefined;
      this.#off?.();
      throw error;
    }
  }

  #begin(position: Position): void {
    const early = this.#early!;
    this.#early = undefined;
    const sequence = this.#order();
    sequence.begin(position);
    for (const delivery of early) this.message(delivery);
    if (this.#doubt) sequence.doubt();
  }

  /** Hears no more, and tells no more. */
  close(): void {
    this.#closed = true;
    this.#off?.();
    this.#sequence?.close();
    this.#runs?.close();
  }

  // --- what the engine brings ---

  message(delivery: Delivery): void {
    if (this.#closed) return;
    const { body, position } = delivery;
    if (position === undefined) {
      if (this.#runs === undefined) this.#listener.message(body, undefined);
      else this.#runs.take(body);
    } else if (this.#early === undefined) this.#order().take(delivery, position);
    // What is dropped is read.
    else if (this.#early.length < MOST_AHEAD) this.#early.push(delivery);
    else this.#doubt = true;
  }

  change(): void {}

  interrupted(): void {
    if (this.#closed) return;
    this.#runs?.giveUp();
    if (this.#early !== undefined) this.#doubt = true;
    else if (this.position === undefined) this.#listener.moved(undefined, true);
    else this.#sequence!.doubt();
  }

  // --- what has no offset, in order ---

  next(body: Body): void {
    this.#listener.message(body, undefined);
  }

  gap(): void {
    this.#listener.moved(this.position, true);
  }

  // --- those who join ---

  /**
   * Finds what somebody missed, up to where the feed stands.
   *
   * @param since the last message that they know
   * @param last how many of the last messages they want, where they know none
   * @param join called with it, while nothing else is told
   * @param most how long all of it may be, in bytes or characters
   * @throws {PrismError} `unavailable`, and `closed` where it hears no more
   */
  async recover(
    since: Position | undefined,
    last: number,
    join: (recovery: Recovery) => void,
    most: number = Infinity,
  ): Promise<void> {
    // They come from another node, which has heard more.
    if (this.#isBehind(since) && !this.#broker.exact) await this.#sequence!.catchUp();
    this.#check();
    const at = this.position;
    const fresh = since === undefined;
    const known = fresh ? last === 0 : since.epoch === at?.epoch && since.offset === at.offset;
    if (at === undefined || known) return join({ messages: [], from: at, recovered: fresh || known });
    if (!fresh && (since.epoch !== at.epoch || this.#isBehind(since)))
      return join({ messages: [], from: at, recovered: false });
    const sequence = this.#order();
    sequence.joins(1);
    try {
      await recover(sequence, (request) => this.#read(request), { since, last, most }, join);
    } finally {
      sequence.joins(-1);
    }
  }

  #isBehind(since: Position | undefined): boolean {
    const at = this.position;
    return since !== undefined && since.epoch === at?.epoch && since.offset > at.offset;
  }

  async #read({ after, limit }: PageRequest): Promise<Page> {
    const page = await this.#broker.read(this.#channel, { after, limit, retention: this.#retention });
    this.#check();
    return page;
  }

  #check(): void {
    if (this.#closed) throw new PrismError("closed", "The feed is closed");
  }
}
