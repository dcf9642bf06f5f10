import type { Heartbeat } from "../connection/heartbeat.ts";
import { Link, type Control, type LinkOptions, type LinkOwner } from "../connection/link.ts";
import type { Socket } from "../socket/socket.ts";
import { HEARTBEAT_MISSED, PROTOCOL_ERROR, REFUSED, SESSION_REPLACED, type CloseCode } from "../wire/close-codes.ts";
import type { Timer } from "../wire/clock.ts";
import { WireError } from "../wire/errors.ts";
import type { Body, Header } from "../wire/frames.ts";
import { readHello, type Offer } from "./offer.ts";
import type { Arrival } from "./arrival.ts";
import { Peer, type PeerOwner } from "./peer.ts";

/** What the door needs of the server. */
export interface DoorOwner extends PeerOwner {
  readonly heartbeat: Heartbeat;
  readonly linkOptions: LinkOptions;
  /** The welcome for a new peer: the text of a `$` frame's object. */
  welcome(peer: Peer, offer: Offer): string;
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
  const link = new Link(socket, opening, owner.linkOptions);
  if (arrival.offer.version === undefined) opening.wait(link);
  else opening.welcome(link, arrival.offer);
}

/** A socket before its welcome. */
class Opening implements LinkOwner {
  readonly #arrival: Arrival;
  readonly #owner: DoorOwner;
  #timer: Timer | undefined;

  constructor(arrival: Arrival, owner: DoorOwner) {
    this.#arrival = arrival;
    this.#owner = owner;
  }

  wait(link: Link): void {
    const { clock, limits, waiting } = this.#owner;
    waiting.add(link);
    this.#timer = clock.setTimer(() => link.close(HEARTBEAT_MISSED, "No hello"), limits.handshake);
  }

  welcome(link: Link, offer: Offer): void {
    const owner = this.#owner;
    const arrival = this.#arrival;
    // The session may have ended since the admission.
    const end = arrival.gate && arrival.live.end;
    if (end !== undefined) return link.close(end === "replaced" ? SESSION_REPLACED : REFUSED, "Session ended");
    const peer = new Peer(link, owner, arrival);
    link.watch(owner.heartbeat);
    link.post(`$${owner.welcome(peer, offer)}`);
    peer.wire.attach(link);
    peer.welcomed();
  }

  control(link: Link, message: Control): void {
    if (!("hello" in message)) throw new WireError(PROTOCOL_ERROR, "No hello");
    const offer = readHello(message);
    if (offer.version !== true) return link.close(REFUSED, "No version in common");
    this.#done(link);
    this.welcome(link, offer);
  }

  trace(header: Header, body: Body): void {
    this.#owner.reports.frame(undefined, header, body, () => undefined);
  }

  gone(link: Link, code: CloseCode, reason: string): void {
    this.#done(link);
    this.#owner.reports.left(code, reason, this.#arrival.remoteAddress);
    this.#arrival.leave();
  }

  #done(link: Link): void {
    this.#timer?.cancel();
    this.#owner.waiting.delete(link);
  }

  broken(_link: Link, error: unknown): void {
    this.#owner.reports.failed("Internal error", error);
  }
}
