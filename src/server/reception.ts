import type { Channels } from "../broker/channels.ts";
import { Heartbeat } from "../connection/heartbeat.ts";
import type { ServerConnectionOptions } from "../connection/options.ts";
import type { Meter, ServerLink, ServerLinkOptions } from "../connection/server-link.ts";
import { Reminder } from "../connection/reminder.ts";
import { Turn } from "../connection/turn.ts";
import { Group, Volley } from "../connection/volley.ts";
import { openHandover } from "../handover/open-handover.ts";
import type { SessionGate } from "../session/session-gate.ts";
import { GOING_AWAY, type CloseCode } from "../wire/close-codes.ts";
import type { Body, Header } from "../wire/frames.ts";
import { ACKNOWLEDGE_WITHIN, type Limits } from "../wire/limits.ts";
import { MAX_NUMBER } from "../wire/numbers.ts";
import type { AppStats } from "./app.ts";
import type { Arrival } from "./arrival.ts";
import type { ServerClock } from "./clock.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { DoorOwner } from "./door.ts";
import { Drain, type DrainOwner } from "./drain.ts";
import { packPeer, toNumbering, unparkAll } from "./moving.ts";
import type { Offer, ResumeOffer } from "./offer.ts";
import type { Authenticate, HandoverStorage } from "./options.ts";
import type { Parcel } from "./parcel.ts";
import { Peer, type PeerEnd } from "./peer.ts";
import { Recall } from "./recall.ts";
import type { Registry } from "./registry.ts";
import type { Reports } from "./reports.ts";
import { Resumptions } from "./resumptions.ts";
import { Transfer, type TransferOwner } from "./transfer.ts";
import { writeWelcome } from "./welcome.ts";

/** What the reception needs of the app. */
export interface ReceptionOwner {
  readonly clock: ServerClock;
  readonly limits: Limits;
  readonly reports: Reports;
  readonly registry: Registry;
  readonly gate: SessionGate | undefined;
  readonly authenticate: Authenticate<never> | undefined;
  /** What connects this server with the others, if there are any: channels for a part of the app. */
  readonly shared: ((part: string) => Channels) | undefined;
}

/** An app's connections: who is welcomed, goes on, waits for a socket, moves to another server, ends. */
export class Reception implements DoorOwner, DrainOwner, TransferOwner {
  readonly clock: ServerClock;
  readonly limits: Limits;
  readonly reports: Reports;
  readonly gate: SessionGate | undefined;
  readonly authenticate: Authenticate<never> | undefined;
  readonly volley: Volley;
  readonly peers: Group<Peer>;
  readonly waiting: Set<ServerLink> = new Set();
  readonly resumptions: Resumptions<Peer>;
  readonly wireOptions: ServerConnectionOptions;
  readonly heartbeat: Heartbeat;
  readonly linkOptions: ServerLinkOptions;
  readonly transfer: Transfer | undefined;
  readonly #registry: Registry;
  readonly #recall: Recall | undefined;
  readonly #meter: Meter = { received: 0, sent: 0 };
  #dispatcher: Dispatcher | undefined;
  #table = "";
  #drain: Drain | undefined;

  /**
   * @param owner the app
   * @param handover through what connections go to other servers, if they do
   * @throws {TypeError} for a handover that cannot be
   */
  constructor(owner: ReceptionOwner, handover: HandoverStorage | undefined) {
    const { clock, limits, reports, registry, gate, authenticate } = owner;
    this.clock = clock;
    this.limits = limits;
    this.reports = reports;
    this.gate = gate;
    this.authenticate = authenticate;
    this.#registry = registry;
    const { packet, frames, calls, sendLimit, heartbeat, patience } = limits;
    this.heartbeat = new Heartbeat(clock, heartbeat, patience);
    const turn = new Turn(clock);
    this.volley = new Volley(turn);
    this.peers = new Group(this.volley);
    const { streams, held, replayFrames, replayLimit } = limits;
    this.wireOptions = {
      clock,
      reminder: new Reminder(clock, ACKNOWLEDGE_WITHIN),
      volley: this.volley,
      calls,
      asked: calls,
      streams,
      held,
      sendLimit,
      replayFrames,
      replayLimit,
      // As good as none. Infinity is no small integer: it would have to be made anew wherever it is read.
      frameOut: MAX_NUMBER,
      heard: false,
    };
    this.linkOptions = {
      turn,
      packetIn: packet,
      framesIn: frames,
      packetOut: packet,
      sendLimit,
      meter: this.#meter,
      traced: reports.traced,
    };
    this.transfer = handover && new Transfer(openHandover(handover, clock), this);
    const shared = this.transfer && owner.shared?.("recall");
    this.resumptions = new Resumptions(shared?.node);
    this.#recall = shared && new Recall(shared, this, this.transfer);
  }

  /** Whether clients are sent elsewhere. */
  get draining(): boolean {
    return this.#drain !== undefined;
  }

  /** Takes its first connection soon: nothing is registered any more. */
  begin(table: string, dispatcher: Dispatcher): void {
    this.#table = table;
    this.#dispatcher = dispatcher;
  }

  /** Connections and frames, counted. */
  stats(): AppStats {
    const suspended = [...this.peers].filter((peer) => peer.suspended).length;
    return { connections: this.peers.size, suspended, ...this.#meter };
  }

  // --- what becomes of a connection ---

  welcome(peer: Peer, { manifest }: Offer, sent?: number): string {
    const { wire, id } = peer;
    const resumed = sent !== undefined;
    const known = resumed || (manifest !== undefined && manifest === this.#registry.frozenHash);
    const resume = wire.lasting ? this.resumptions.next(peer) : undefined;
    const to = { connection: id, resumed, resume, received: wire.received, sent: sent ?? 0 };
    return writeWelcome(to, this.limits, this.authenticate !== undefined, known ? undefined : this.#table);
  }

  began(peer: Peer): void {
    this.peers.add(peer);
    this.reports.connected(peer.id, peer.remoteAddress);
    this.reports.events.emit("connect", peer);
    for (const entry of this.#registry.entries) entry.connected(peer);
    this.#drain?.add(peer);
  }

  suspended(peer: Peer, code: CloseCode, reason: string): void {
    this.reports.suspended(peer.id, code, reason);
    this.#drain?.hurry(peer);
    this.reports.events.emit("suspend", peer);
  }

  resumed(peer: Peer): void {
    this.reports.resumed(peer.id);
    this.reports.events.emit("resume", peer);
  }

  ended(peer: Peer, { code, reason, reset }: PeerEnd): void {
    this.peers.delete(peer);
    this.reports.disconnected(peer.id, code, reason);
    this.#drain?.hurry(peer);
    for (const entry of this.#registry.entries) entry.disconnected(peer, reset);
    this.reports.events.emit("disconnect", peer);
  }

  left(peer: Peer, code: CloseCode, reason: string): void {
    this.reports.left(code, reason, peer.remoteAddress);
  }

  // --- what arrives ---

  message(peer: Peer, service: number, body: Body): void {
    this.#dispatcher!.message(peer, service, body);
  }

  call(peer: Peer, service: number, id: number, body: Body): void {
    this.#dispatcher!.call(peer, service, id, body);
  }

  trace(peer: Peer, header: Header, body: Body): void {
    this.reports.frame(peer.id, header, body, this.#nameOf);
  }

  readonly #nameOf = (service: number): string | undefined => this.#registry.entries[service]?.name;

  // --- between servers ---

  takeUp(offer: ResumeOffer, arrival: Arrival, wanted: () => boolean): Promise<Peer | undefined> | undefined {
    const session = arrival.gate && arrival.live.id;
    this.#recall?.ask({ token: offer.token, session, met: arrival.met });
    return this.transfer?.takeUp(offer, arrival, wanted);
  }

  pack(peer: Peer): Parcel {
    return packPeer(peer, this.#registry.entries, this.#table);
  }

  unpack(parcel: Parcel, arrival: Arrival): Peer {
    const peer = new Peer(this, arrival, parcel.id);
    peer.numbering = toNumbering(parcel, this.#table);
    arrival.handTo(peer);
    peer.thaw(parcel);
    this.peers.add(peer);
    this.reports.connected(peer.id, peer.remoteAddress);
    this.reports.events.emit("connect", peer);
    unparkAll(peer, parcel, this.#registry.entries);
    return peer;
  }

  // --- the end ---

  /** Sends every client elsewhere; resolves when they are gone. */
  drain(within: number): Promise<void> {
    this.#drain ??= new Drain(this, within);
    return this.#drain.run();
  }

  /** Ends every connection. */
  close(): void {
    for (const link of this.waiting) link.close(GOING_AWAY, "Closing");
    for (const peer of this.peers) peer.shut(GOING_AWAY, "Closing");
  }
}
