import { PrismError } from "../wire/errors.ts";
import { MESSAGE, type Body, type Frame, type Header } from "../wire/frames.ts";
import { checkFrameSize } from "../wire/packets.ts";
import { deaf } from "./deaf.ts";
import { Calls, type CallsOwner } from "./calls.ts";
import type { Answering, Asking } from "./exchange.ts";
import type { Link, Traffic } from "./link.ts";
import { Load } from "./load.ts";
import type { ConnectionOptions, ParkedConnection } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { Receipts } from "./receipts.ts";
import type { Receiver } from "./receiver.ts";
import type { Volley } from "./volley.ts";

/**
 * What lives between two peers: counted frames and calls, both ways. Sockets are attached to it and detached from it;
 * what one of them lost, the next replays (PROTOCOL.md, "Counting" and "Resuming").
 */
export class Connection implements CallsOwner, Traffic {
  /** Whether it has ended: nothing is sent or received any more. */
  over = false;
  /** What the items of the peer weigh. */
  readonly load: Load;
  readonly #options: ConnectionOptions;
  readonly #receiver: Receiver;
  readonly #calls: Calls;
  readonly #outbox: Outbox;
  readonly #receipts: Receipts;
  readonly #volley: Volley | undefined;
  #link: Link | undefined;
  #parks = false;

  /**
   * @param receiver who takes what arrives
   * @param options what it needs to know
   */
  constructor(receiver: Receiver, options: ConnectionOptions) {
    this.#receiver = receiver;
    this.#options = options;
    this.#volley = options.volley;
    this.load = new Load(options);
    this.#calls = new Calls(this, receiver, options);
    this.#outbox = new Outbox(options, options.heard);
    this.#receipts = new Receipts(options.reminder, () => this.#link?.mark());
  }

  /** Counted frames received so far, modulo 2^31. */
  get received(): number {
    return this.#receipts.received;
  }

  /** Counted frames given to a socket so far, modulo 2^31. */
  get sent(): number {
    return this.#outbox.sent;
  }

  /** Whether it outlives its sockets: what is sent is kept, and what is received acknowledged. */
  get lasting(): boolean {
    return this.#outbox.keeps;
  }

  set lasting(value: boolean) {
    this.#outbox.keeps = this.#receipts.acknowledges = value;
  }

  /** Whether there is a socket. */
  get attached(): boolean {
    return this.#link !== undefined;
  }

  /** Whether a call is in progress that somebody waits for, at either end. */
  get busy(): boolean {
    return this.#calls.busy;
  }

  /** What waits to be given to a socket, in bytes or characters. */
  get waiting(): number {
    return this.#outbox.size;
  }

  /** Whether those who can wait may send. */
  get roomy(): boolean {
    return this.over || this.#outbox.roomy;
  }

  /** Waits until there may be room; whoever comes back looks again. */
  room(): Promise<void> {
    return this.over ? Promise.resolve() : this.#outbox.room();
  }

  /** Lets those who wait for room look again. */
  wake(): void {
    this.#outbox.wake();
  }

  /** @param link the link that carries its frames from now on, instead of any before */
  attach(link: Link): void {
    this.detach();
    this.#link = link;
    link.connection = this;
    this.#receipts.told();
    if (this.#outbox.due) link.mark();
  }

  /** Has no link from now on. The one that it had takes and gives nothing more for it. */
  detach(): void {
    if (this.#link !== undefined) this.#link.connection = undefined;
    this.#link = undefined;
  }

  /**
   * From which count on a peer can go on that offers its own; see `Outbox.offered`.
   *
   * @param count how many frames it says that it has received
   */
  offered(count: number): number | undefined {
    return this.lasting ? this.#outbox.offered(count) : undefined;
  }

  /**
   * Goes on with another link (PROTOCOL.md, "Resuming"): replays what the peer has not got, drops what it repeats.
   *
   * @param link carries its frames from now on
   * @param from how many frames the peer has received, as `offered` or `acknowledge` has found good
   * @param repeats after which frame received the peer begins
   */
  resume(link: Link, from: number, repeats: number): void {
    this.#outbox.replay(from);
    this.#receipts.resume(repeats);
    this.attach(link);
  }

  /**
   * Sends a counted frame when the turn is over.
   *
   * @throws {PrismError} `too_large` if no packet can hold it
   */
  send(frame: Frame): void {
    if (this.over) return;
    if (this.#volley?.pending) this.#volley.catchUp(this.#receiver);
    checkFrameSize(frame, this.#options.frameOut);
    if (this.#parks) this.#outbox.force(frame);
    else if (this.#outbox.push(frame, this.attached)) this.#link?.mark();
    else this.#receiver.overflow?.();
  }

  /** Sends counted frames, no calls, that others are sent, too, when the turn is over. For a server's volley only. */
  sendAll(frames: readonly Frame[], size: number): void {
    if (this.over) return;
    if (!this.#parks && this.#outbox.pushAll(frames, size, this.attached)) this.#link?.mark();
    else for (const frame of frames) this.send(frame);
  }

  /** Sends the frame of a call. For the calls only. */
  sendCall(frame: Frame): void {
    if (this.#volley?.pending) this.#volley.catchUp(this.#receiver);
    this.#outbox.pushCall(frame);
    this.#link?.mark();
  }

  /**
   * Makes a call. It fails with `closed` if the connection has ended.
   *
   * @param service the service's number
   * @param body the call's body
   * @param asking takes what comes of it
   * @throws {PrismError} `too_large` if no packet can hold it, `busy` if the peer has not ended as many
   */
  ask(service: number, body: Body, asking: Asking): void {
    if (this.over) return asking.onfailure(new PrismError("closed"));
    this.#calls.ask(service, body, asking);
  }

  /** Takes the peer's call with this id up. It is cancelled if the connection has ended. */
  answer(id: number, answering: Answering): void {
    answering.begin(this, id);
    if (this.over) answering.abandon();
    else this.#calls.answer(id, answering);
  }

  /** Ends the peer's call with this id, which nobody has taken up. */
  refuse(id: number, code: string): void {
    this.#calls.refuse(id, code);
  }

  /** Forgets a call of the peer's that has its ending. For `Answering` only. */
  ended(answering: Answering): void {
    this.#calls.ended(answering);
  }

  /** Runs something when this turn of the event loop is over. */
  afterTurn(run: () => void): void {
    this.#options.clock.afterTurn(run);
  }

  /** Hands over what is to be sent now. For the link only; each frame takes its place in the count. */
  drain(): readonly Frame[] {
    if (this.#volley?.pending) this.#volley.catchUp(this.#receiver);
    return this.#outbox.take();
  }

  /** Takes the peer's count of frames received. For the link only; throws as `Outbox.acknowledge` does. */
  acknowledge(count: number): void {
    this.#outbox.acknowledge(count);
    if (this.#outbox.due) this.#link?.mark();
  }

  /** @returns the acknowledgement that is due, if one is. For the link only */
  acknowledgement(): string | undefined {
    return this.#receipts.due ? this.#receipts.write() : undefined;
  }

  /**
   * Takes one counted frame. For the link only.
   *
   * @throws {WireError} 1002 if it breaks the protocol
   */
  receive(header: Header, body: Body): void {
    if (this.over || !this.#receipts.count(body.length)) return;
    if (header.kind === MESSAGE) this.#receiver.message(header.service, body);
    else this.#calls.receive(header, body);
  }

  /** Ends it: calls in progress fail with this error, at both ends, and nothing is sent any more. */
  end(error: PrismError): void {
    if (this.over) return;
    this.over = true;
    this.#calls.end(error);
    this.#outbox.clear();
    this.#receipts.end();
  }

  /**
   * Hands over what another server goes on with, and ends it here: calls in progress fail with `lost`, at both ends, and
   * from its socket nothing is taken any more.
   *
   * @param rest frames that were held back, which go along
   */
  park(rest: readonly Frame[] = []): ParkedConnection {
    const link = this.#link;
    this.detach();
    if (link !== undefined) link.connection = deaf;
    // What says how calls end goes along, however much waits.
    this.#parks = true;
    this.#volley?.catchUp(this.#receiver);
    for (const frame of rest) this.#outbox.force(frame);
    const taken = this.#calls.park(new PrismError("lost"));
    const parked = { ...this.#outbox.park(), received: this.received, taken };
    this.end(new PrismError("lost"));
    return parked;
  }

  /** Takes over what another server has handed over. */
  unpark(parked: ParkedConnection): void {
    this.lasting = true;
    this.#outbox.unpark(parked);
    this.#receipts.received = parked.received;
    this.#calls.unpark(parked.taken);
  }
}
