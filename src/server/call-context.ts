import type { Answer } from "../service/answer.ts";
import type { ConnectionHandle, ServiceCallContext } from "../service/contexts.ts";
import type { Session } from "../session/session.ts";
import type { Peer } from "./peer.ts";

/** What a handler gets besides the body: the peer, and the call's own signal and items, made when they are asked for. */
export class CallContext implements ServiceCallContext {
  readonly connection: ConnectionHandle;
  readonly #peer: Peer;
  readonly #answer: Answer;

  /**
   * @param peer who calls
   * @param answer the answer to the call
   */
  constructor(peer: Peer, answer: Answer) {
    this.connection = peer;
    this.#peer = peer;
    this.#answer = answer;
  }

  get session(): Session {
    return this.#peer.session;
  }

  get signal(): AbortSignal {
    return this.#answer.signal;
  }

  get items(): AsyncIterableIterator<unknown> {
    return this.#answer.items;
  }

  dropItems(): void {
    this.#answer.dropItems();
  }
}
