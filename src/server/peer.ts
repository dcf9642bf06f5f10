import type { Control } from "../connection/control.ts";
import type { ParkedConnection } from "../connection/options.ts";
import type { ServerLink, ServerLinkOwner } from "../connection/server-link.ts";
import type { Inbound } from "../service/middleware.ts";
import { endsConnection, RESTART, SLOW_CONSUMER, TAKEN_OVER, type CloseCode } from "../wire/close-codes.ts";
import type { Timer } from "../wire/clock.ts";
import { PrismError } from "../wire/errors.ts";
import type { Body, Header } from "../wire/frames.ts";
import type { Limits } from "../wire/limits.ts";
import { PeerAuth, type PeerAuthOwner } from "./peer-auth.ts";
import { Member, type MemberOptions } from "./member.ts";
import type { Parcel } from "./parcel.ts";
import type { Reports } from "./reports.ts";
import type { ServerClock } from "./clock.ts";
import type { Resumable, Resumptions } from "./resumptions.ts";

/** How a connection has ended. */
export interface PeerEnd {
  readonly code: CloseCode;
  readonly reason: string;
  /** Whether it waited for a socket, so that what was sent last may not have arrived. */
  readonly reset: boolean;
}

/** What a peer needs of the server. None of these throws anything but a `WireError`. */
export interface PeerOwner extends PeerAuthOwner, MemberOptions {
  readonly clock: ServerClock;
  /** Links whose clients are not known yet, to be closed with the app. */
  readonly waiting: Set<ServerLink>;
  readonly limits: Limits;
  readonly resumptions: Resumptions<Peer>;
  /** A message to a service arrived. */
  message(peer: Peer, service: number, body: Body): void;
  /** A call to a service arrived. */
  call(peer: Peer, service: number, id: number, body: Body): void;
  /** The connection has its welcome, and the verdict where there is one to wait for. */
  began(peer: Peer): void;
  /** A frame arrived, whatever it is. */
  trace(peer: Peer, header: Header, body: Body): void;
  /** The connection has lost its socket, and waits for another; said after `began`. */
  suspended(peer: Peer, code: CloseCode, reason: string): void;
  /** The connection has a socket again; said after `suspended`. */
  resumed(peer: Peer): void;
  /** The connection has ended; said once, and after `began`. */
  ended(peer: Peer, end: PeerEnd): void;
  /** The connection has ended before it began; said once. */
  left(peer: Peer, code: CloseCode, reason: string): void;
  readonly reports: Reports;
}

/** A client, at the server: its connection, and what is kept for it. */
export class Peer extends Member<PeerOwner> implements ServerLinkOwner, Resumable {
  token: string | undefined;
  nextToken: string | undefined;
  /** What the dispatcher shows middleware, while it is free. */
  passage: Inbound | undefined;
  #auth: PeerAuth | undefined;
  #begun = false;
  /** The link of one that was handed over. */
  #frozen: ServerLink | undefined;
  /** When it is given up, while it has no socket. */
  #patience: Timer | undefined;
  #end: PeerEnd | undefined;

  /** Whether it waits for a socket. */
  get suspended(): boolean {
    return this.#patience !== undefined;
  }

  /** Has its welcome on this link: begins, at once or after the first verdict. */
  welcomed(link: ServerLink): void {
    this.#take(link);
    this.wire.attach(link);
    if (this.owner.authenticate === undefined) return this.begin();
    this.owner.waiting.add(link);
    this.#await(link);
  }

  /** Tells that it is there, and then, if whoever was told has closed it, that it is not. Once. */
  begin(): void {
    if (this.#begun) return;
    this.owner.waiting.delete(this.link!);
    this.owner.began(this);
    this.#begun = true;
    if (this.#end !== undefined) this.owner.ended(this, this.#end);
  }

  /**
   * Goes on with another link (PROTOCOL.md, "Resuming"), whose welcome is written.
   *
   * @param link carries it from now on
   * @param from how many frames the client has
   */
  resume(link: ServerLink, from: number): void {
    const older = this.link;
    this.#auth?.stop();
    this.#auth = undefined;
    this.#take(link);
    this.wire.resume(link, from, this.wire.received);
    // Nobody hears of its closing any more.
    older?.close(TAKEN_OVER, "Taken over");
    if (this.owner.authenticate !== undefined) this.#await(link);
    if (this.#patience === undefined) return;
    this.#patience.cancel();
    this.#patience = undefined;
    this.owner.resumed(this);
  }

  #take(link: ServerLink): void {
    this.link = link;
    link.handTo(this);
  }

  /** Tells the client that its socket is going to be closed within a time, in ms. */
  tellDraining(within: number): void {
    this.link?.post(`$${JSON.stringify({ draining: within })}`);
  }

  /**
   * Takes nothing more from its socket, which stays open, and ends here.
   *
   * @param park hands over what services keep for it, before they hear that it has ended; what it throws is thrown
   * @returns what another server needs of its connection
   */
  freeze(park: () => void): ParkedConnection {
    const { link } = this;
    const parked = this.wire.park(this.takeHeld());
    this.#frozen = link;
    try {
      park();
    } finally {
      // It goes on, if not here: nothing is lost.
      this.#finish(RESTART, "Handed over", false);
    }
    return parked;
  }

  /** Closes the socket of one that was frozen: it can be found elsewhere. */
  release(): void {
    this.#frozen?.close(RESTART, "Handed over");
  }

  /** Goes on with what another server has handed over, as soon as it has a socket. */
  thaw({ wire, token, nextToken, state }: Parcel): void {
    this.#begun = true;
    this.token = token;
    this.nextToken = nextToken;
    this.state = state;
    this.wire.unpark(wire);
    this.owner.resumptions.add(this);
    this.#wait(RESTART, "Handed over");
  }

  get begun(): boolean {
    return this.#begun;
  }

  /** Lets nothing through before the verdict. */
  #await(link: ServerLink): void {
    this.#auth = new PeerAuth(this, link, this.owner, this.#begun);
    this.#auth.expect();
  }

  shut(code: CloseCode, reason: string): void {
    const link = this.link;
    // Sends what waits before it is closed, so that the client hears why.
    if (link !== undefined && code !== SLOW_CONSUMER) link.flush();
    this.#finish(code, reason);
    link?.close(code, reason);
  }

  overflow(): void {
    this.shut(SLOW_CONSUMER, this.suspended ? "Too much while suspended" : "Slow consumer");
  }

  message(service: number, body: Body): void {
    this.owner.message(this, this.numbering?.inbound(service) ?? service, body);
  }

  call(service: number, id: number, body: Body): void {
    this.owner.call(this, this.numbering?.inbound(service) ?? service, id, body);
  }

  spoke(link: ServerLink): void {
    if (link === this.link) this.owner.resumptions.confirm(this);
  }

  control(link: ServerLink, message: Control): void {
    // A hello that comes after the welcome, and members that are not known, are passed over.
    if (link === this.link && "auth" in message)
      (this.#auth ??= new PeerAuth(this, link, this.owner, true)).take(message["auth"]);
  }

  trace(header: Header, body: Body): void {
    this.owner.trace(this, header, body);
  }

  gone(link: ServerLink, code: CloseCode, reason: string): void {
    if (link !== this.link) return;
    if (!this.#begun || !this.wire.lasting || endsConnection(code)) return this.#finish(code, reason);
    this.wire.detach();
    this.link = undefined;
    this.#auth?.stop();
    this.#auth = undefined;
    this.#wait(code, reason);
    this.owner.suspended(this, code, reason);
  }

  /** Waits for a socket. */
  #wait(code: CloseCode, reason: string): void {
    const { resumeWithin, patience } = this.limits;
    // Whoever has never said anything may not even have its token.
    const within = this.token === undefined ? Math.min(patience, resumeWithin) : resumeWithin;
    this.#patience = this.owner.clock.setTimer(() => this.#finish(code, reason), within);
  }

  broken(_link: ServerLink, error: unknown): void {
    this.owner.reports.failed("Internal error", error, { connection: this.id });
  }

  #finish(code: CloseCode, reason: string, reset: boolean = this.suspended): void {
    if (this.#end !== undefined) return;
    const link = this.link;
    this.#end = { code, reason, reset };
    this.link = undefined;
    this.wire.end(new PrismError("lost"));
    this.#patience?.cancel();
    this.#patience = undefined;
    this.#auth?.stop();
    this.owner.resumptions.delete(this);
    if (this.#begun) this.owner.ended(this, this.#end);
    else if (link !== undefined && this.owner.waiting.delete(link)) this.owner.left(this, code, reason);
    this.leave();
  }
}
