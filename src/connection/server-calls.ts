import { PrismError } from "../wire/errors.ts";
import type { Body, Header } from "../wire/frames.ts";
import { CALL, ITEM_DOWN, ITEM_UP, ITEMS_END } from "../wire/kinds.ts";
import { Calls, type CallsOptions, type CallsOwner } from "./calls.ts";
import type { Asking } from "./exchange.ts";
import type { Load } from "./load.ts";

/** What a server's calls need to know. */
export interface ServerCallsOptions extends CallsOptions {
  /** Calls to the peer that may be in progress, those included that it has not ended though nobody waits any more. */
  readonly asked: number;
}

/** What carries a server's calls. */
export interface ServerCallsOwner extends CallsOwner {
  readonly options: ServerCallsOptions;
  /** What the peer's items weigh. */
  readonly load: Load;
}

/** The calls of a connection at a server: how many there are, and what their items weigh, is bounded. */
export class ServerCalls extends Calls {
  declare protected readonly owner: ServerCallsOwner;

  override ask(service: number, body: Body, asking: Asking): void {
    if (this.next >= this.owner.options.asked) throw new PrismError("busy");
    super.ask(service, body, asking);
  }

  override receive(header: Header, body: Body): void {
    const { id, kind } = header;
    const { load } = this.owner;
    const answering = this.answers[id];
    if (kind === CALL) {
      if (load.busy && answering === undefined) return this.owner.refuse(id, "busy");
    } else if (kind === ITEM_UP) {
      if (answering !== undefined && !answering.finished) {
        if (!load.hasRoom(body.length) || !load.stream(answering, 1)) return this.giveUp(answering, "busy");
        load.arrived(answering, body.length);
      }
    } else if (kind === ITEM_DOWN) {
      const asking = this.asked[id];
      if (asking !== undefined) load.arrived(asking, body.length);
    }
    super.receive(header, body);
    if (kind === ITEMS_END && answering !== undefined) load.drained(answering);
  }

  override end(error: PrismError): void {
    for (const answering of this.answers) if (answering !== undefined) this.owner.load.unstream(answering, 3);
    super.end(error);
  }
}
