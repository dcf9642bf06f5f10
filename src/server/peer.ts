import { Connection, type Receiver } from "../connection/connection.ts";
import type { Control, Link, LinkOwner } from "../connection/link.ts";
import type { ConnectionHandle, MessageContext } from "../service/contexts.ts";
import type { BroadcastOptions } from "../service/hosts.ts";
import type { Inbound } from "../service/middleware.ts";
import type { LiveSession, SessionEnd } from "../session/live-session.ts";
import type { Session } from "../session/session.ts";
import type { SessionOwner } from "../session/session-view.ts";
import { REFUSED, SESSION_REPLACED, SLOW_CONSUMER, type CloseCode } from "../wire/close-codes.ts";
import { PrismError } from "../wire/errors.ts";
import type { Body, Frame, Header } from "../wire/frames.ts";
import type { Limits } from "../wire/limits.ts";
import { utf8Length } from "../wire/utf8.ts";
import { randomId } from "../wire/random-id.ts";
import type { Arrival } from "./arrival.ts";
import { PeerAuth, type PeerAuthOwner } from "./peer-auth.ts";
import type { Reports } from "./reports.ts";

/** What a peer needs of the server. None of these throws anything but a `WireError`. */
export interface PeerOwner extends PeerAuthOwner {
  /** Links whose clients are not known yet, to be closed with the app. */
  readonly waiting: Set<Link>;
  readonly limits: Limits;
  /** A message to a service arrived. */
  message(peer: Peer, service: number, body: Body): void;
  /** A call to a service arrived. */
  call(peer: Peer, service: number, id: number, body: Body): void;
  /** The connection has its welcome, and the verdict where there is one to wait for. */
  began(peer: Peer): void;
  /** A frame arrived, whatever it is. */
  trace(peer: Peer, header: Header, body: Body): void;
  /** The connection has ended; said once, and after `began`. */
  ended(peer: Peer, code: CloseCode, reason: string): void;
  /** The connection has ended before it began; said once. */
  left(peer: Peer, code: CloseCode, reason: string): void;
  readonly reports: Reports;
}

/** The longest reason that a close frame holds, in bytes (RFC 6455 section 5.5). */
const MAX_REASON = 123;

/** How long whoever ends its own session has to hear that it worked, in ms. */
const LAST_WORD = 100;

/** Above this share of `sendLimit` a peer is slow: what may be dropped or replaced is. */
const SLOW = 0.25;

/** A client, at the server: its connection, and what is kept for it. */
export class Peer implements ConnectionHandle, MessageContext, Receiver, LinkOwner, SessionOwner {
  readonly id: string = randomId();
  readonly remoteAddress: string | undefined;
  readonly wire: Connection;
  state: Record<string, unknown>;
  live: LiveSession;
  /** What the dispatcher shows middleware, while it is free. */
  passage: Inbound | undefined;
  readonly #owner: PeerOwner;
  readonly #link: Link;
  readonly #arrival: Arrival;
  #auth: PeerAuth | undefined;
  #session: Session | undefined;
  #conflated: Map<string, Frame> | undefined;
  /** What is held back, in bytes or characters. */
  #held = 0;
  #begun = false;
  #end: readonly [code: CloseCode, reason: string] | undefined;

  /**
   * @param link the socket's link, from now on the peer's
   * @param owner the server
   * @param arrival what is known of the client
   */
  constructor(link: Link, owner: PeerOwner, arrival: Arrival) {
    this.#link = link;
    this.#owner = owner;
    this.#arrival = arrival;
    this.state = arrival.state;
    this.live = arrival.live;
    this.remoteAddress = arrival.remoteAddress;
    this.wire = new Connection(this, {
      clock: owner.clock,
      calls: owner.limits.calls,
      streams: owner.limits.streams,
      asked: owner.limits.calls,
      held: owner.limits.held,
      frameOut: Infinity,
    });
    link.handTo(this);
  }

  get closed(): boolean {
    return this.wire.over;
  }

  get connection(): this {
    return this;
  }

  get session(): Session {
    return (this.#session ??= this.#arrival.toSession(this));
  }

  get activity(): number {
    return this.wire.received;
  }

  /** Whether more waits for it than should. */
  get slow(): boolean {
    return this.#link.bufferedAmount > this.#owner.limits.sendLimit * SLOW;
  }

  /** Has its welcome: begins, at once or after the first verdict. */
  welcomed(): void {
    this.#arrival.handTo(this);
    if (this.#owner.authenticate === undefined) return this.begin();
    this.#owner.waiting.add(this.#link);
    this.#auth = new PeerAuth(this, this.#link, this.#owner);
    this.#auth.expect();
  }

  /** Tells that it is there, and then, if whoever was told has closed it, that it is not. Once. */
  begin(): void {
    if (this.#begun) return;
    this.#owner.waiting.delete(this.#link);
    this.#owner.began(this);
    this.#begun = true;
    if (this.#end !== undefined) this.#owner.ended(this, ...this.#end);
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
    if ((volatile === true || conflate !== undefined) && this.slow) {
      if (conflate !== undefined) this.#hold(conflate, frame);
      return;
    }
    if (conflate !== undefined) this.#release(conflate);
    // A peer that is busy without being slow may never drain.
    if (this.#conflated !== undefined && !this.slow) this.drained();
    this.wire.send(frame);
  }

  /** Sends what was held back, as far as it does not make the peer slow again. */
  drained(): void {
    let room = this.#owner.limits.sendLimit * SLOW;
    for (const [key, frame] of this.#conflated ?? []) {
      if (room <= 0) return;
      room -= frame.length;
      this.#release(key);
      this.wire.send(frame);
    }
    this.#conflated = undefined;
  }

  /** Keeps the last frame of a key, behind what was held back since. */
  #hold(key: string, frame: Frame): void {
    this.#release(key);
    (this.#conflated ??= new Map()).set(key, frame);
    this.#held += frame.length;
    if (this.#held > this.#owner.limits.sendLimit) this.shut(SLOW_CONSUMER, "Slow consumer");
  }

  #release(key: string): void {
    this.#held -= this.#conflated?.get(key)?.length ?? 0;
    this.#conflated?.delete(key);
  }

  message(service: number, body: Body): void {
    this.#owner.message(this, service, body);
  }

  call(service: number, id: number, body: Body): void {
    this.#owner.call(this, service, id, body);
  }

  control(link: Link, message: Control): void {
    // A hello that comes after the welcome, and members that are not known, are passed over.
    if ("auth" in message) (this.#auth ??= new PeerAuth(this, link, this.#owner)).take(message["auth"]);
  }

  moved(live: LiveSession, ticket: string): void {
    this.live = live;
    // The client went while its session got the new id.
    if (this.closed) return this.#arrival.leave(this);
    this.#link.post(`$${JSON.stringify({ session: ticket })}`);
  }

  ended(end: SessionEnd, own: boolean): void {
    const code = end === "replaced" ? SESSION_REPLACED : REFUSED;
    const close = (): void => this.shut(code, end === "expired" ? "Session expired" : "Session ended");
    if (own) this.#owner.clock.setTimer(close, LAST_WORD);
    else close();
  }

  trace(header: Header, body: Body): void {
    this.#owner.trace(this, header, body);
  }

  gone(_link: Link, code: CloseCode, reason: string): void {
    this.wire.end(new PrismError("lost"));
    this.#end = [code, reason];
    this.#auth?.stop();
    if (this.#begun) this.#owner.ended(this, code, reason);
    else if (this.#owner.waiting.delete(this.#link)) this.#owner.left(this, code, reason);
    this.#arrival.leave(this);
  }

  broken(_link: Link, error: unknown): void {
    this.#owner.reports.failed("Internal error", error, { connection: this.id });
  }
}
