import { PrismError } from "../wire/errors.ts";
import type { Body, Frame, Header } from "../wire/frames.ts";
import { MESSAGE } from "../wire/kinds.ts";
import { writeNumber } from "../wire/numbers.ts";
import { checkFrameSize } from "../wire/packets.ts";
import { Calls, type CallsOwner } from "./calls.ts";
import type { Answering, Asking } from "./exchange.ts";
import type { Link, Traffic } from "./link.ts";
import type { ConnectionOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { Receipts } from "./receipts.ts";
import type { Receiver } from "./receiver.ts";

/**
 * What lives between two peers: counted frames and calls, both ways. Sockets are attached to it and detached from it;
 * what one of them lost, the next replays (PROTOCOL.md, "Counting" and "Resuming").
 */
export class Connection implements CallsOwner, Traffic {
  /** Whether it has ended: nothing is sent or received any more. */
  over = false;
  readonly receiver: Receiver;
  readonly options: ConnectionOptions;
  protected readonly outbox: Outbox;
  protected link: Link | undefined;
  #calls: Calls | undefined;
  #receipts: Receipts | undefined;

  /**
   * @param receiver who takes what arrives
   * @param options what it needs to know
   * @param outbox where what is sent waits
   */
  constructor(receiver: Receiver, options: ConnectionOptions, outbox: Outbox = new Outbox(options)) {
    this.receiver = receiver;
    this.options = options;
    this.outbox = outbox;
  }

  // Made when first needed: most connections only wait, and have neither.

  protected get calls(): Calls {
    return (this.#calls ??= this.createCalls());
  }

  protected createCalls(): Calls {
    return new Calls(this);
  }

  protected get receipts(): Receipts {
    return (this.#receipts ??= new Receipts(this));
  }

  /** Counted frames received so far, modulo 2^31. */
  get received(): number {
    return this.#receipts?.received ?? 0;
  }

  /** Whether it outlives its sockets: what is sent is kept, and what is received acknowledged. */
  get lasting(): boolean {
    return this.outbox.keeps;
  }

  set lasting(value: boolean) {
    this.outbox.keeps = value;
  }

  /** Whether those who can wait may send. */
  get roomy(): boolean {
    return this.over || this.outbox.roomy;
  }

  /** Waits until there may be room; whoever comes back looks again. */
  room(): Promise<void> {
    return this.over ? Promise.resolve() : this.outbox.room();
  }

  /** Has what is due sent when the turn is over. For the receipts only. */
  mark(): void {
    this.link?.mark();
  }

  /** @param link the link that carries its frames from now on, instead of any before */
  attach(link: Link): void {
    this.detach();
    this.link = link;
    link.connection = this;
    this.#receipts?.told();
    if (this.outbox.due) link.mark();
  }

  /** Has no link from now on. The one that it had takes and gives nothing more for it. */
  detach(): void {
    if (this.link !== undefined) this.link.connection = undefined;
    this.link = undefined;
  }

  /**
   * Goes on with another link (PROTOCOL.md, "Resuming"): replays what the peer has not got, drops what it repeats.
   *
   * @param link carries its frames from now on
   * @param from how many frames the peer has received, as `offered` or `acknowledge` has found good
   * @param repeats after which frame received the peer begins
   */
  resume(link: Link, from: number, repeats: number): void {
    this.outbox.replay(from);
    this.receipts.resume(repeats);
    this.attach(link);
  }

  /**
   * Sends a counted frame when the turn is over.
   *
   * @throws {PrismError} `too_large` if no packet can hold it
   */
  send(frame: Frame): void {
    if (this.over) return;
    checkFrameSize(frame, this.options.frameOut);
    this.sendCall(frame);
  }

  /** Sends the frame of a call. For the calls only. */
  sendCall(frame: Frame): void {
    this.outbox.push(frame);
    this.link?.mark();
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
    if (this.over) asking.onfailure(new PrismError("closed"));
    else this.calls.ask(service, body, asking);
  }

  /** Takes the peer's call with this id up. It is cancelled if the connection has ended. */
  answer(id: number, answering: Answering): void {
    answering.begin(this, id);
    if (this.over) answering.abandon();
    else this.calls.answers[id] = answering;
  }

  /** Ends the peer's call with this id, which nobody has taken up. */
  refuse(id: number, code: string): void {
    this.send(`!${writeNumber(id)}{"code":"${code}"}`);
  }

  /** Forgets a call of the peer's that has its ending. For `Answering` only. */
  ended({ id }: Answering): void {
    this.calls.answers[id] = undefined;
  }

  /** Runs something when this turn of the event loop is over. */
  afterTurn(run: () => void): void {
    this.options.clock.afterTurn(run);
  }

  /** Hands over what is to be sent now. For the link only; each frame takes its place in the count. */
  drain(): readonly Frame[] {
    return this.outbox.take();
  }

  /** Takes the peer's count of frames received. For the link only; throws as `Outbox.acknowledge` does. */
  acknowledge(count: number): void {
    this.outbox.acknowledge(count);
    if (this.outbox.due) this.link?.mark();
  }

  /** @returns the acknowledgement that is due, if one is. For the link only */
  acknowledgement(): string | undefined {
    return this.#receipts?.write();
  }

  /**
   * Takes one counted frame. For the link only.
   *
   * @throws {WireError} 1002 if it breaks the protocol
   */
  receive(header: Header, body: Body): void {
    if (this.over || !this.receipts.count(body.length)) return;
    if (header.kind === MESSAGE) this.receiver.message(header.service, body);
    else this.calls.receive(header, body);
  }

  /** Ends it: calls in progress fail with this error, at both ends, and nothing is sent any more. */
  end(error: PrismError): void {
    if (this.over) return;
    this.over = true;
    this.#calls?.end(error);
    this.outbox.clear();
    this.#receipts?.end();
  }
}
