import type { Heartbeat } from "../connection/heartbeat.ts";
import type { Control } from "../connection/control.ts";
import { ServerLink, type ServerLinkOptions, type ServerLinkOwner } from "../connection/server-link.ts";
import type { Socket } from "../socket/socket.ts";
import {
  HEARTBEAT_MISSED,
  PROTOCOL_ERROR,
  REFUSED,
  RESTART,
  SESSION_REPLACED,
  type CloseCode,
} from "../wire/close-codes.ts";
import type { Timer } from "../wire/clock.ts";
import { WireError } from "../wire/errors.ts";
import type { Body, Header } from "../wire/frames.ts";
import { readHello, type Offer, type ResumeOffer } from "./offer.ts";
import type { Arrival } from "./arrival.ts";
import { Peer, type PeerOwner } from "./peer.ts";

/** What the door needs of the server. */
export interface DoorOwner extends PeerOwner {
  readonly heartbeat: Heartbeat;
  readonly linkOptions: ServerLinkOptions;
  /** Whether clients are sent elsewhere. */
  readonly draining: boolean;
  /**
   * The welcome to a peer: the text of a `$` frame's object.
   *
   * @param peer the peer
   * @param offer what its client offers
   * @param sent after how many counted frames those begin that it is sent; nothing for a new connection
   */
  welcome(peer: Peer, offer: Offer, sent?: number): string;
  /**
   * Takes a connection up that another server has handed over.
   *
   * @param offer what the client shows
   * @param arrival what is known of the client
   * @param wanted whether anybody still waits for it
   * @returns a promise only where there is somebody to ask; the connection, if it is to be had
   */
  takeUp(offer: ResumeOffer, arrival: Arrival, wanted: () => boolean): Promise<Peer | undefined> | undefined;
}

/**
 * Takes an open socket: welcomes the client if its subprotocol said who it is, else waits for its hello.
 *
 * @param socket the socket
 * @param arrival what is known of the client
 * @param owner the server
 */
export function openSocket(socket: Socket, arrival: Arrival, owner: DoorOwner): void {
  const opening = new Opening(arrival, owner);
  const link = new ServerLink(socket, opening, owner.linkOptions);
  if (arrival.offer.version === undefined) opening.wait(link);
  else opening.welcome(link, arrival.offer);
}

/** A socket before its welcome. */
class Opening implements ServerLinkOwner {
  readonly #arrival: Arrival;
  readonly #owner: DoorOwner;
  #timer: Timer | undefined;

  constructor(arrival: Arrival, owner: DoorOwner) {
    this.#arrival = arrival;
    this.#owner = owner;
  }

  wait(link: ServerLink): void {
    const { clock, limits, waiting } = this.#owner;
    waiting.add(link);
    this.#timer = clock.setTimer(() => link.close(HEARTBEAT_MISSED, "No hello"), limits.handshake);
  }

  welcome(link: ServerLink, offer: Offer): void {
    const owner = this.#owner;
    const arrival = this.#arrival;
    // The session may have ended since the admission.
    const end = arrival.gate && arrival.live.end;
    if (end !== undefined) return link.close(end === "replaced" ? SESSION_REPLACED : REFUSED, "Session ended");
    const { resume } = offer;
    if (resume === undefined) return this.#begin(link, offer);
    const peer = owner.resumptions.find(resume.token);
    if (peer !== undefined) {
      if (!this.#resume(link, offer, resume, peer)) this.#begin(link, offer);
      return;
    }
    let waits = true;
    const late = owner.takeUp(resume, arrival, () => waits && !link.over && !owner.draining);
    if (late === undefined) return this.#begin(link, offer);
    this.wait(link);
    void late.then((found) => {
      // What comes after its time finds another connection here.
      waits = false;
      if (link.over) return;
      this.#done(link);
      // Its connection was found, but no service could go on with it; or this server goes away, too.
      if (this.#arrival.left || owner.draining) return link.close(RESTART, "Cannot go on");
      // Looked up like any other, so that what it shows is spent.
      const peer = found && owner.resumptions.find(resume.token);
      if (peer === undefined || !this.#resume(link, offer, resume, peer)) this.#begin(link, offer);
    });
  }

  #begin(link: ServerLink, offer: Offer): void {
    const owner = this.#owner;
    // Whoever only shows a token of somebody else's, or a count that cannot be, has no place by that.
    if (!this.#arrival.stays()) return link.close(RESTART, "Too many connections");
    const peer = new Peer(owner, this.#arrival);
    link.watch(owner.heartbeat);
    link.post(`$${owner.welcome(peer, offer)}`);
    this.#arrival.handTo(peer);
    peer.welcomed(link);
  }

  /** Goes on with a connection, if this client and its count can be. */
  #resume(link: ServerLink, offer: Offer, { received }: ResumeOffer, peer: Peer): boolean {
    const from = peer.isOf(this.#arrival) ? peer.wire.offered(received) : undefined;
    if (from === undefined) return false;
    link.watch(this.#owner.heartbeat);
    link.post(`$${this.#owner.welcome(peer, offer, from)}`);
    peer.resume(link, from);
    // The connection has its own session and its own place.
    if (!this.#arrival.became(peer)) this.#arrival.leave();
    return true;
  }

  control(link: ServerLink, message: Control): void {
    // One that is waited for has said who it is.
    if (this.#arrival.offer.version !== undefined) return;
    if (!("hello" in message)) throw new WireError(PROTOCOL_ERROR, "No hello");
    const offer = readHello(message);
    if (offer.version !== true) return link.close(REFUSED, "No version in common");
    this.#done(link);
    this.welcome(link, offer);
  }

  trace(header: Header, body: Body): void {
    this.#owner.reports.frame(undefined, header, body, () => undefined);
  }

  gone(link: ServerLink, code: CloseCode, reason: string): void {
    this.#done(link);
    this.#owner.reports.left(code, reason, this.#arrival.remoteAddress);
    this.#arrival.leave();
  }

  #done(link: ServerLink): void {
    this.#timer?.cancel();
    this.#owner.waiting.delete(link);
  }

  broken(_link: ServerLink, error: unknown): void {
    this.#owner.reports.failed("Internal error", error);
  }
}
