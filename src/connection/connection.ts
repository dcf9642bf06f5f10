import { PROTOCOL_ERROR } from "../wire/close-codes.ts";
import type { Clock } from "../wire/clock.ts";
import { PrismError, WireError } from "../wire/errors.ts";
import * as kinds from "../wire/frames.ts";
import { writeFrame, type Body, type Frame, type Header } from "../wire/frames.ts";
import { MAX_NUMBER, writeNumber } from "../wire/numbers.ts";
import { checkFrameSize } from "../wire/packets.ts";
import type { Answering, Asking, Carrier } from "./exchange.ts";
import { Alarm } from "./alarm.ts";
import { parseFailure } from "./failure.ts";
import { Ids } from "./ids.ts";
import type { Link, Traffic } from "./link.ts";
import { Load, type LoadLimits } from "./load.ts";

/** Takes what the peer sends, for the floor above. None of these throws anything but a `WireError`. */
export interface Receiver {
  /** A message to a service arrived. */
  message(service: number, body: Body): void;
  /** A call to a service arrived: `answer` or `refuse` is to be called with its id before this returns. */
  call(service: number, id: number, body: Body): void;
}

/** What a connection needs to know of its end. */
export interface ConnectionOptions extends LoadLimits {
  readonly clock: Clock;
  /** Calls to the peer that may be in progress, those included that it has not ended though nobody waits any more. */
  readonly asked: number;
  /** The longest frame that may be sent, in bytes; `Infinity` at a server, whose peer's size is not bounded. */
  readonly frameOut: number;
}

/**
 * What lives between two peers: counted frames and calls, both ways. Sockets are attached to it and detached from it,
 * and it does not mind having none.
 */
export class Connection implements Carrier, Traffic {
  /** Counted frames received so far, modulo 2^31. */
  received = 0;
  /** Counted frames given to a socket so far, modulo 2^31. */
  sent = 0;
  /** Whether it has ended: nothing is sent or received any more. */
  over = false;
  /** What the items of the peer weigh. */
  readonly load: Load;
  readonly #options: ConnectionOptions;
  readonly #receiver: Receiver;
  readonly #answers: (Answering | undefined)[] = [];
  readonly #asked: (Asking | undefined)[] = [];
  readonly #ids = new Ids();
  #link: Link | undefined;
  #outbox: Frame[] = [];
  #acknowledged = 0;
  #alarm: Alarm | undefined;

  /**
   * @param receiver who takes what arrives
   * @param options what it needs to know
   */
  constructor(receiver: Receiver, options: ConnectionOptions) {
    this.#receiver = receiver;
    this.#options = options;
    this.load = new Load(options);
  }

  /** @param link the link that carries its frames from now on, instead of any before */
  attach(link: Link): void {
    if (this.#link !== undefined) this.#link.connection = undefined;
    this.#link = link;
    link.connection = this;
    if (this.#outbox.length > 0) link.mark();
  }

  /**
   * Sends a counted frame when the turn is over.
   *
   * @throws {PrismError} `too_large` if no packet can hold it
   */
  send(frame: Frame): void {
    if (this.over) return;
    checkFrameSize(frame, this.#options.frameOut);
    this.#outbox.push(frame);
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
    const id = this.#ids.take();
    if (id >= this.#options.asked) {
      this.#ids.free(id);
      throw new PrismError("busy");
    }
    const frame = writeFrame("?" + writeNumber(service) + writeNumber(id), body);
    try {
      checkFrameSize(frame, this.#options.frameOut);
    } catch (error) {
      this.#ids.free(id);
      throw error;
    }
    this.#asked[id] = asking;
    asking.begin(this, id);
    this.#outbox.push(frame);
    this.#link?.mark();
    (this.#alarm ??= new Alarm(this.#options.clock, () => this.#expire())).set(asking.deadline);
  }

  /** Takes the peer's call with this id up. It is cancelled if the connection has ended. */
  answer(id: number, answering: Answering): void {
    answering.begin(this, id);
    if (this.over) return answering.abandon();
    this.#answers[id] = answering;
  }

  /** Ends the peer's call with this id, which nobody has taken up. */
  refuse(id: number, failure: string): void {
    this.send("!" + writeNumber(id) + failure);
  }

  /** Forgets a call of the peer's that has its ending. For `Answering` only. */
  ended(answering: Answering): void {
    this.#answers[answering.id] = undefined;
  }

  /** Runs something when this turn of the event loop is over. */
  afterTurn(run: () => void): void {
    this.#options.clock.afterTurn(run);
  }

  /** Hands over what is to be sent now. For the link only; each frame takes its place in the count. */
  drain(): readonly Frame[] {
    const frames = this.#outbox;
    if (frames.length > 0) this.#outbox = [];
    this.sent = (this.sent + frames.length) & MAX_NUMBER;
    return frames;
  }

  /**
   * Takes the peer's count of frames received (PROTOCOL.md, "Counting").
   *
   * @throws {WireError} 1002 if it is not between the last acknowledged and the last sent
   */
  acknowledge(count: number): void {
    if (((count - this.#acknowledged) & MAX_NUMBER) > ((this.sent - this.#acknowledged) & MAX_NUMBER)) {
      throw new WireError(PROTOCOL_ERROR, "Acknowledgement out of range");
    }
    this.#acknowledged = count;
  }

  /**
   * Takes one counted frame. For the link only.
   *
   * @throws {WireError} 1002 if it breaks the protocol
   */
  receive(header: Header, body: Body): void {
    if (this.over) return;
    this.received = (this.received + 1) & MAX_NUMBER;
    const { id } = header;
    switch (header.kind) {
      case kinds.MESSAGE:
        return this.#receiver.message(header.service, body);
      case kinds.CALL:
        if (this.#answers[id] !== undefined) throw new WireError(PROTOCOL_ERROR, "Call with an id in use");
        // Ids are the smallest free ones, so whoever uses a higher one has as many calls in progress.
        if (id >= this.#options.calls || this.load.busy) return this.refuse(id, '{"code":"busy"}');
        return this.#receiver.call(header.service, id, body);
      case kinds.RESULT:
        return this.#free(id).onresult(body);
      case kinds.FAILURE: {
        // Read before the call is let go of: if it cannot be read, the call fails as the connection ends.
        const error = parseFailure(body);
        return this.#free(id).onfailure(error);
      }
      case kinds.ITEM_DOWN:
        return this.#hear(id).receiveItem(body);
      case kinds.GRANT_UP:
        return this.#hear(id).receiveGrant(header.count);
      default:
        this.#receiveAsCallee(header, body);
    }
  }

  /** Ends it: calls in progress fail with this error, at both ends, and nothing is sent any more. */
  end(error: PrismError): void {
    if (this.over) return;
    this.over = true;
    this.#outbox = [];
    this.#alarm?.clear();
    for (const asking of this.#asked) asking?.onfailure(error);
    for (const answering of this.#answers) answering?.abandon();
    this.#asked.length = this.#answers.length = 0;
  }

  #receiveAsCallee(header: Header, body: Body): void {
    const answering = this.#answers[header.id];
    // For a call that has ended these are late, and ignored.
    if (answering === undefined) return;
    switch (header.kind) {
      case kinds.ITEM_UP:
        if (answering.finished) throw new WireError(PROTOCOL_ERROR, "Item after the last");
        if (!this.load.hasRoom(body.length) || !answering.streamIn()) return this.#giveUp(answering, "busy");
        return answering.receiveItem(body);
      case kinds.GRANT_DOWN:
        return answering.receiveGrant(header.count);
      case kinds.ITEMS_END:
        return answering.receiveEnd();
      default:
        this.#giveUp(answering, "cancelled");
    }
  }

  #giveUp(answering: Answering, code: string): void {
    answering.failure(`{"code":"${code}"}`);
    answering.oncancel();
  }

  #find(id: number): Asking {
    const asking = this.#asked[id];
    if (asking === undefined) throw new WireError(PROTOCOL_ERROR, "Answer to no call");
    return asking;
  }

  /** The call that the callee has said something of, which gives it time again. */
  #hear(id: number): Asking {
    const asking = this.#find(id);
    asking.deadline = this.#options.clock.now() + asking.timeout;
    return asking;
  }

  #free(id: number): Asking {
    const asking = this.#find(id);
    this.#asked[id] = undefined;
    this.#ids.free(id);
    asking.over = true;
    return asking;
  }

  #expire(): void {
    const now = this.#options.clock.now();
    for (const asking of this.#asked) {
      if (asking === undefined) continue;
      // It is this end that is slow while items wait.
      if (asking.waiting) asking.deadline = now + asking.timeout;
      if (asking.deadline <= now) asking.onexpired();
      else this.#alarm?.set(asking.deadline);
    }
  }
}
