import { Connection, type Receiver } from "../connection/connection.ts";
import type { Control, Link, LinkOwner } from "../connection/link.ts";
import type { ConnectionHandle, MessageContext, Session } from "../service/contexts.ts";
import type { BroadcastOptions } from "../service/hosts.ts";
import { REFUSED, type CloseCode } from "../wire/close-codes.ts";
import type { Clock } from "../wire/clock.ts";
import { PrismError } from "../wire/errors.ts";
import type { Body, Frame, Header } from "../wire/frames.ts";
import type { Limits } from "../wire/limits.ts";
import { utf8Length } from "../wire/utf8.ts";
import { randomId } from "./random-id.ts";
import type { Reports } from "./reports.ts";

/** What a peer needs of the server. None of these throws anything but a `WireError`. */
export interface PeerOwner {
  readonly clock: Clock;
  readonly limits: Limits;
  /** A message to a service arrived. */
  message(peer: Peer, service: number, body: Body): void;
  /** A call to a service arrived. */
  call(peer: Peer, service: number, id: number, body: Body): void;
  /** A frame arrived, whatever it is. */
  trace(peer: Peer, header: Header, body: Body): void;
  /** The connection has ended. */
  ended(peer: Peer, code: CloseCode, reason: string): void;
  readonly reports: Reports;
}

/** The longest reason that a close frame holds, in bytes (RFC 6455 section 5.5). */
const MAX_REASON = 123;

/** Above this share of `sendLimit` a peer is slow: what may be dropped or replaced is. */
const SLOW = 0.25;

/** A client, at the server: its connection, and what is kept for it. */
export class Peer implements ConnectionHandle, MessageContext, Receiver, LinkOwner {
  readonly id: string = randomId();
  readonly remoteAddress: string | undefined;
  readonly wire: Connection;
  state: Record<string, unknown>;
  readonly #owner: PeerOwner;
  readonly #link: Link;
  #session: Session | undefined;
  #conflated: Map<string, Frame> | undefined;

  /**
   * @param link the socket's link, from now on the peer's
   * @param owner the server
   * @param state what `admit` said of it
   * @param remoteAddress the peer's network address
   */
  constructor(link: Link, owner: PeerOwner, state: Record<string, unknown>, remoteAddress: string | undefined) {
    this.#link = link;
    this.#owner = owner;
    this.state = state;
    this.remoteAddress = remoteAddress;
    this.wire = new Connection(this, { clock: owner.clock, calls: owner.limits.calls, frameOut: Infinity });
    link.handTo(this);
  }

  get closed(): boolean {
    return this.wire.over;
  }

  get connection(): this {
    return this;
  }

  get session(): Session {
    return (this.#session ??= { id: randomId(), data: {} });
  }

  /** Whether more waits for it than should. */
  get slow(): boolean {
    return this.#link.bufferedAmount > this.#owner.limits.sendLimit * SLOW;
  }

  close(reason = ""): void {
    let short = reason.slice(0, MAX_REASON);
    while (utf8Length(short) > MAX_REASON) short = short.slice(0, -1);
    this.shut(REFUSED, short);
  }

  /** Closes it with a code. */
  shut(code: CloseCode, reason: string): void {
    this.#link.close(code, reason);
  }

  /** Sends a frame, or drops or holds it back where the peer is slow and the options allow it. */
  post(frame: Frame, { volatile, conflate }: BroadcastOptions): void {
    if ((volatile !== true && conflate === undefined) || !this.slow) {
      if (conflate !== undefined) this.#conflated?.delete(conflate);
      this.wire.send(frame);
    } else if (conflate !== undefined) {
      this.#conflated ??= new Map();
      // Behind what was held back since.
      this.#conflated.delete(conflate);
      this.#conflated.set(conflate, frame);
    }
  }

  drained(): void {
    const held = this.#conflated;
    this.#conflated = undefined;
    for (const frame of held?.values() ?? []) this.wire.send(frame);
  }

  message(service: number, body: Body): void {
    this.#owner.message(this, service, body);
  }

  call(service: number, id: number, body: Body): void {
    this.#owner.call(this, service, id, body);
  }

  control(_link: Link, _message: Control): void {
    // A hello that comes after the welcome, and members that are not known, are passed over.
  }

  trace(header: Header, body: Body): void {
    this.#owner.trace(this, header, body);
  }

  gone(_link: Link, code: CloseCode, reason: string): void {
    this.wire.end(new PrismError("lost"));
    this.#owner.ended(this, code, reason);
  }

  broken(_link: Link, error: unknown): void {
    this.#owner.reports.failed("Internal error", error, { connection: this.id });
  }
}
