import { PROTOCOL_ERROR } from "../wire/close-codes.ts";
import { WireError, type PrismError } from "../wire/errors.ts";
import { writeFrame, type Body, type Frame } from "../wire/frames.ts";
import { GRANT_EVERY, INITIAL_CREDIT } from "../wire/limits.ts";
import { writeNumber } from "../wire/numbers.ts";
import type { Streaming } from "./load.ts";

/** What carries a call: a connection, as its calls see it. */
export interface Carrier {
  /** Sends a counted frame. */
  send(frame: Frame): void;
  /** Forgets a call of the peer's that has its ending. */
  ended(answering: Answering): void;
  /** Hears that an item of the peer's was taken or dropped, where somebody counts them. */
  took?(exchange: Exchange): void;
  /** Whether those who can wait may send. */
  readonly roomy: boolean;
  /** Waits until there may be room; whoever comes back looks again. */
  room(): Promise<void>;
  /** Runs something when this turn of the event loop is over. */
  afterTurn(run: () => void): void;
}

/** One call, seen from either of its ends. The floor above extends it with what a call means there. */
export abstract class Exchange {
  /** The call's number, the caller's choice; -1 before it is under way. */
  id = -1;
  /** Whether this end sends nothing more for the call. */
  over = false;
  /** How many items this end may still send. */
  credit: number = INITIAL_CREDIT;
  /** How many items the peer may still send. */
  window: number = INITIAL_CREDIT;
  /** The sizes of the items that wait to be taken, where somebody counts them. */
  sizes: number[] | undefined;
  protected carrier: Carrier | undefined;
  #taken = 0;

  /** An item arrived. Whoever takes it, or drops it, says so with `took`. Never throws but a `WireError`. */
  abstract onitem(body: Body): void;
  /** There is credit again. Never throws. */
  abstract onmore(): void;

  protected abstract readonly itemMark: string;
  protected abstract readonly grantMark: string;

  /** Starts it under a number, for the first time or once more. For the connection only. */
  begin(carrier: Carrier, id: number): void {
    this.carrier = carrier;
    this.id = id;
    this.over = false;
    this.credit = this.window = INITIAL_CREDIT;
    this.#taken = 0;
  }

  /** Whether an item may be sent: the peer takes one, and not too much waits. */
  get ready(): boolean {
    return this.credit > 0 && this.carrier?.roomy !== false;
  }

  /** Waits until there may be room for an item; whoever comes back looks again. */
  room(): Promise<void> {
    return this.carrier?.room() ?? Promise.resolve();
  }

  /**
   * Sends an item; there must be credit.
   *
   * @throws {PrismError} `too_large` if it does not fit into a packet
   */
  item(body: Body): void {
    if (this.over) return;
    this.send(this.itemMark, body);
    this.credit--;
  }

  /** Says that an item was taken or dropped, so that the peer may send another. */
  took(): void {
    this.#taken++;
    this.carrier?.took?.(this);
    if (this.#taken < GRANT_EVERY || this.over) return;
    this.window += this.#taken;
    this.send(this.grantMark, writeNumber(this.#taken));
    this.#taken = 0;
  }

  /**
   * Takes an item of the peer's. For the connection only.
   *
   * @throws {WireError} 1002 if there was no credit for it
   */
  receiveItem(body: Body): void {
    if (--this.window < 0) throw new WireError(PROTOCOL_ERROR, "Item beyond the credit");
    this.onitem(body);
  }

  /** Takes a grant of the peer's. For the connection only. */
  receiveGrant(count: number): void {
    this.credit += count;
    this.onmore();
  }

  /** Whether items have come that nobody has taken yet. */
  get waiting(): boolean {
    return this.window + this.#taken < INITIAL_CREDIT;
  }

  /** Waits until this turn of the event loop is over. */
  turn(): Promise<void> {
    return new Promise((resolve) => (this.carrier === undefined ? resolve() : this.carrier.afterTurn(resolve)));
  }

  protected send(mark: string, body: Body): void {
    this.carrier?.send(writeFrame(mark + writeNumber(this.id), body));
  }
}

/** A call that this end makes. */
export abstract class Asking extends Exchange {
  protected readonly itemMark: string = ">";
  protected readonly grantMark: string = "+";
  /** How long the callee may be silent about it, in ms. */
  timeout: number = Infinity;
  /** When it fails with `timeout`, on the connection's clock. */
  deadline: number = Infinity;

  /** The result arrived; nothing follows. Never throws but a `WireError`. */
  abstract onresult(body: Body): void;
  /** It failed, at the peer or because the connection ended; nothing follows. Never throws. */
  abstract onfailure(error: PrismError): void;
  /** Its deadline has passed. Never throws. */
  abstract onexpired(): void;

  /** Says that no more items follow. */
  finish(): void {
    if (!this.over) this.send("/", "");
  }

  /** Says that it is no longer wanted. Its number stays taken until the peer has ended it. */
  cancel(): void {
    if (this.over) return;
    this.send("#", "");
    this.over = true;
  }
}

/** A call that the peer makes. */
export abstract class Answering extends Exchange implements Streaming {
  protected readonly itemMark: string = "<";
  protected readonly grantMark: string = "-";
  /** Whether the caller has said that no more items follow. */
  finished = false;
  /** Which ways items are on their way, where that is counted. */
  ways = 0;

  /** The caller sends no more items. Never throws. */
  abstract onfinish(): void;
  /** The caller no longer wants it, or is gone: nothing can be sent for it any more. Never throws. */
  abstract oncancel(): void;

  /** Takes the caller's word that no more items follow. For the connection only. */
  receiveEnd(): void {
    this.finished = true;
    this.onfinish();
  }

  /**
   * Ends it with a result.
   *
   * @throws {PrismError} `too_large` if it does not fit into a packet; the call then still wants an ending
   */
  result(body: Body): void {
    if (this.over) return;
    this.send("=", body);
    this.#end();
  }

  /**
   * Ends it with a failure.
   *
   * @param failure the failure's JSON
   */
  failure(failure: string): void {
    if (this.over) return;
    this.send("!", failure);
    this.#end();
  }

  /** Ends it on this side alone: there is no peer any more. For the connection only. */
  abandon(): void {
    this.over = true;
    this.oncancel();
  }

  #end(): void {
    this.over = true;
    this.carrier?.ended(this);
  }
}
