import { PROTOCOL_ERROR } from "../wire/close-codes.ts";
import type { Clock } from "../wire/clock.ts";
import { WireError, type PrismError } from "../wire/errors.ts";
import { writeFrame, type Body, type Frame, type Header } from "../wire/frames.ts";
import * as kinds from "../wire/kinds.ts";
import { writeNumber } from "../wire/numbers.ts";
import { checkFrameSize } from "../wire/packets.ts";
import { Alarm } from "./alarm.ts";
import type { Answering, Asking, Carrier } from "./exchange.ts";
import { parseFailure } from "./failure.ts";
import type { Receiver } from "./receiver.ts";

/** What calls need to know of their end. */
export interface CallsOptions {
  readonly clock: Clock;
  /** Calls of the peer that may be in progress. */
  readonly calls: number;
  /** The longest frame that may be sent, in bytes; more than there is at a server, whose peer's size is not bounded. */
  readonly frameOut: number;
}

/** What carries calls: their connection. */
export interface CallsOwner extends Carrier {
  readonly options: CallsOptions;
  /** Takes the peer's. */
  readonly receiver: Receiver;
  /** Ends the peer's call with this id, which nobody has taken up. */
  refuse(id: number, code: string): void;
  /** Sends the frame of a call. */
  sendCall(frame: Frame): void;
}

/** The calls of a connection, both ways, by their numbers. */
export class Calls {
  /** The peer's. */
  readonly answers: (Answering | undefined)[] = [];
  /** Those of this end. */
  readonly asked: (Asking | undefined)[] = [];
  protected readonly owner: CallsOwner;
  #alarm: Alarm | undefined;
  /** Below this one no number is free. */
  #first = 0;

  /** @param owner their connection */
  constructor(owner: CallsOwner) {
    this.owner = owner;
  }

  /** The smallest number that is free for a call of this end. */
  get next(): number {
    while (this.asked[this.#first] !== undefined) this.#first++;
    return this.#first;
  }

  /** See `Connection.ask`. */
  ask(service: number, body: Body, asking: Asking): void {
    const id = this.next;
    const frame = writeFrame("?" + writeNumber(service) + writeNumber(id), body);
    checkFrameSize(frame, this.owner.options.frameOut);
    this.asked[id] = asking;
    asking.begin(this.owner, id);
    this.owner.sendCall(frame);
    (this.#alarm ??= new Alarm(this.owner.options.clock, () => this.#expire())).set(asking.deadline);
  }

  /**
   * Takes a frame of a call.
   *
   * @throws {WireError} 1002 if it breaks the protocol
   */
  receive(header: Header, body: Body): void {
    const { id } = header;
    switch (header.kind) {
      case kinds.CALL:
        if (this.answers[id] !== undefined) throw new WireError(PROTOCOL_ERROR, "Id in use");
        // Ids are the smallest free ones, so whoever uses a higher one has as many calls in progress.
        if (id >= this.owner.options.calls) return this.owner.refuse(id, "busy");
        return this.owner.receiver.call(header.service, id, body);
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

  /** All of them fail with this error, at both ends; the peer is told nothing. */
  end(error: PrismError): void {
    this.#alarm?.clear();
    for (const asking of this.asked.splice(0)) asking?.onfailure(error);
    for (const answering of this.answers.splice(0)) answering?.abandon();
  }

  #receiveAsCallee(header: Header, body: Body): void {
    const answering = this.answers[header.id];
    // For a call that has ended these are late, and ignored.
    if (answering === undefined) return;
    switch (header.kind) {
      case kinds.ITEM_UP:
        if (answering.finished) throw new WireError(PROTOCOL_ERROR, "Item after the last");
        return answering.receiveItem(body);
      case kinds.GRANT_DOWN:
        return answering.receiveGrant(header.count);
      case kinds.ITEMS_END:
        return answering.receiveEnd();
      default:
        this.giveUp(answering, "cancelled");
    }
  }

  /** Ends a call of the peer's that goes on no longer. */
  giveUp(answering: Answering, code: string): void {
    answering.failure(`{"code":"${code}"}`);
    answering.oncancel();
  }

  #find(id: number): Asking {
    const asking = this.asked[id];
    if (asking === undefined) throw new WireError(PROTOCOL_ERROR, "Answer to no call");
    return asking;
  }

  /** The call that the callee has said something of, which gives it time again. */
  #hear(id: number): Asking {
    const asking = this.#find(id);
    asking.deadline = this.owner.options.clock.now() + asking.timeout;
    return asking;
  }

  #free(id: number): Asking {
    const asking = this.#find(id);
    this.asked[id] = undefined;
    if (id < this.#first) this.#first = id;
    asking.over = true;
    return asking;
  }

  #expire(): void {
    const now = this.owner.options.clock.now();
    for (const asking of this.asked) {
      if (asking === undefined) continue;
      // It is this end that is slow while items wait.
      if (asking.waiting) asking.deadline = now + asking.timeout;
      if (asking.deadline <= now) asking.onexpired();
      else this.#alarm?.set(asking.deadline);
    }
  }
}
