import { ServerConnection } from "../connection/server-connection.ts";
import type { Asking } from "../connection/exchange.ts";
import type { ServerLink } from "../connection/server-link.ts";
import type { Receiver } from "../connection/receiver.ts";
import type { ServerConnectionOptions } from "../connection/options.ts";
import type { Taker } from "../connection/volley.ts";
import type { ConnectionHandle } from "../service/contexts.ts";
import type { BroadcastOptions } from "../service/hosts.ts";
import { REFUSED, type CloseCode } from "../wire/close-codes.ts";
import type { Clock } from "../wire/clock.ts";
import { PrismError } from "../wire/errors.ts";
import type { Body, Frame } from "../wire/frames.ts";
import type { Limits } from "../wire/limits.ts";
import { randomId } from "../wire/random-id.ts";
import { utf8Length } from "../wire/utf8.ts";
import type { Numbering } from "./numbering.ts";
import { Outlet, type OutletOwner } from "./outlet.ts";

/** What is needed to send to a client. */
export interface RecipientOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  /** What its connection needs to know: the same object for all of them. */
  readonly wireOptions: ServerConnectionOptions;
}

/** The longest reason that a close frame holds, in bytes (RFC 6455 section 5.5). */
const MAX_REASON = 123;

const PLAIN: BroadcastOptions = {};

/** Above this share of `sendLimit` a peer is slow: what may be dropped or replaced is. */
const SLOW = 0.25;

/** A client, as services have it: what is sent to it, and how fast it takes that. */
export abstract class Recipient<Owner extends RecipientOptions>
  implements ConnectionHandle, OutletOwner, Receiver, Taker
{
  readonly id: string;
  readonly remoteAddress: string | undefined;
  readonly wire: ServerConnection;
  /** The numbers that its client goes by, where another release has given them. */
  numbering: Numbering | undefined;
  protected readonly owner: Owner;
  protected link: ServerLink | undefined;
  #state: Record<string, unknown> | undefined;
  #outlet: Outlet | undefined;

  /**
   * @param owner the app
   * @param state what is kept for it; nothing yet where nothing is said
   * @param remoteAddress its network address
   * @param id its connection's; a new one where nothing is said
   */
  constructor(
    owner: Owner,
    state: Record<string, unknown> | undefined,
    remoteAddress: string | undefined,
    id: string = randomId(),
  ) {
    this.id = id;
    this.owner = owner;
    this.#state = state;
    this.remoteAddress = remoteAddress;
    const { limits, wireOptions } = owner;
    this.wire = new ServerConnection(this, wireOptions);
    this.wire.lasting = limits.resumeWithin > 0 && limits.replayLimit > 0;
  }

  get limits(): Limits {
    return this.owner.limits;
  }

  // Made when it is looked at, which for most it never is.
  get state(): Record<string, unknown> {
    return (this.#state ??= {});
  }

  set state(state: Record<string, unknown>) {
    this.#state = state;
  }

  abstract message(service: number, body: Body): void;
  abstract call(service: number, id: number, body: Body): void;
  /** Ends it, and closes its socket with a code. */
  abstract shut(code: CloseCode, reason: string): void;
  abstract overflow(): void;
  abstract readonly suspended: boolean;

  /**
   * Calls a service of the client's.
   *
   * @throws {PrismError} `not_found` where the client does not know the service, and what `Connection.ask` throws
   */
  ask(service: number, body: Body, asking: Asking): void {
    const number = this.numbering === undefined ? service : this.numbering.outbound(service);
    if (number === undefined) throw new PrismError("not_found", "The client does not know this service");
    this.wire.ask(number, body, asking);
  }

  get closed(): boolean {
    return this.wire.over;
  }

  get slow(): boolean {
    if (this.link === undefined || !this.wire.roomy) return true;
    return this.link.bufferedAmount + this.wire.waiting > this.limits.sendLimit * SLOW;
  }

  async drained(): Promise<void> {
    while (!this.closed) {
      if (!this.slow) return;
      await this.wire.room();
    }
    throw new PrismError("lost");
  }

  /** What waited in the socket has gone to the network. */
  cleared(): void {
    this.wire.wake();
  }

  close(reason = ""): void {
    let short = reason.slice(0, MAX_REASON);
    while (utf8Length(short) > MAX_REASON) short = short.slice(0, -1);
    this.shut(REFUSED, short);
  }

  /** Hands over what was held back while it was slow or away. */
  protected takeHeld(): readonly Frame[] {
    return this.#outlet?.take() ?? [];
  }

  /** Sends a message, or drops or holds it back where it is slow and the options allow it. */
  post(message: Frame, options: BroadcastOptions = PLAIN): void {
    const frame = this.#numbered(message);
    if (frame === undefined) return;
    const plain = options.volatile !== true && options.conflate === undefined && this.#outlet === undefined;
    if (plain) this.wire.send(frame);
    else (this.#outlet ??= new Outlet(this)).post(frame, options);
  }

  take(messages: readonly Frame[], size: number): void {
    if (this.numbering === undefined) this.wire.sendAll(messages, size);
    else {
      for (const message of messages) {
        const frame = this.#numbered(message);
        if (frame !== undefined) this.wire.send(frame);
      }
    }
    this.#outlet?.flush();
  }

  /** A message as its client numbers services; `undefined` where it does not know this one. */
  #numbered(message: Frame): Frame | undefined {
    return this.numbering === undefined ? message : this.numbering.message(message);
  }
}
