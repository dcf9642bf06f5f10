import type { Answer } from "../service/answer.ts";
import type { ConnectionHandle, Session } from "../service/contexts.ts";
import { compose, type Inbound, type Middleware, type Next } from "../service/middleware.ts";
import { isThenable } from "../service/thenable.ts";
import { PrismError, WireError } from "../wire/errors.ts";
import type { Body } from "../wire/frames.ts";
import type { ServiceEntry } from "./entry.ts";
import type { Peer } from "./peer.ts";
import type { Reports } from "./reports.ts";

/** A message or call between the wire and its service, for middleware to see. */
class Passage implements Inbound {
  readonly connection: ConnectionHandle;
  readonly kind: "message" | "call";
  body: Body;
  readonly peer: Peer;
  readonly entry: ServiceEntry;
  readonly answer: Answer | undefined;
  /** Whether it has come through to its service. */
  arrived = false;

  constructor(peer: Peer, entry: ServiceEntry, answer: Answer | undefined, body: Body) {
    this.connection = this.peer = peer;
    this.kind = answer === undefined ? "message" : "call";
    this.entry = entry;
    this.answer = answer;
    this.body = body;
  }

  get service(): string {
    return this.entry.name;
  }

  get session(): Session {
    return this.peer.session;
  }
}

/** Brings what arrives to its service, through the middleware. */
export class Dispatcher {
  readonly #entries: readonly ServiceEntry[];
  readonly #reports: Reports;
  readonly #chain: Next | undefined;

  /**
   * @param entries the services by number
   * @param middleware what stands before them, composed here once
   * @param reports hears of what no client is told
   */
  constructor(entries: readonly ServiceEntry[], middleware: readonly Middleware[], reports: Reports) {
    this.#entries = entries;
    this.#reports = reports;
    this.#chain =
      middleware.length === 0 ? undefined : compose(middleware, (inbound) => this.#arrive(inbound as Passage));
  }

  /**
   * Takes a message.
   *
   * @throws {WireError} if it breaks the protocol
   */
  message(peer: Peer, service: number, body: Body): void {
    const entry = this.#entries[service];
    // One for a service that there is not is dropped (PROTOCOL.md, "Calls").
    if (entry === undefined) return this.#reports.dropped(peer.id, String(service), new PrismError("not_found"));
    if (this.#chain !== undefined) return this.#pass(this.#chain, new Passage(peer, entry, undefined, body));
    this.#deliver(peer, entry, body);
  }

  /**
   * Takes a call.
   *
   * @throws {WireError} if it breaks the protocol
   */
  call(peer: Peer, service: number, id: number, body: Body): void {
    const entry = this.#entries[service];
    if (entry === undefined || !entry.answers) return peer.wire.refuse(id, '{"code":"not_found"}');
    const answer = entry.createAnswer();
    peer.wire.answer(id, answer);
    if (this.#chain !== undefined) this.#pass(this.#chain, new Passage(peer, entry, answer, body));
    else entry.call(peer, answer, body);
  }

  /** Hands it through the chain. What the chain throws, now or later, becomes the call's failure. */
  #pass(chain: Next, passage: Passage): void {
    try {
      const late = chain(passage);
      if (isThenable(late)) {
        Promise.resolve(late).then(
          () => this.#passed(passage),
          (error) => this.#refused(passage, error),
        );
      } else this.#passed(passage);
    } catch (error) {
      if (error instanceof WireError) throw error;
      this.#refused(passage, error);
    }
  }

  #arrive(passage: Passage): void {
    // Each message comes once.
    if (passage.arrived) throw new TypeError("Middleware calls next twice");
    passage.arrived = true;
    const { peer, entry, answer, body } = passage;
    // What is late may find nobody there any more.
    if (answer === undefined) return peer.closed ? undefined : this.#deliver(peer, entry, body);
    if (!answer.over) entry.call(peer, answer, body);
  }

  #deliver(peer: Peer, entry: ServiceEntry, body: Body): void {
    try {
      const late = entry.message(peer, body);
      if (late instanceof Promise) late.catch((error) => this.#reports.dropped(peer.id, entry.name, error));
    } catch (error) {
      if (error instanceof WireError) throw error;
      this.#reports.dropped(peer.id, entry.name, error);
    }
  }

  #passed(passage: Passage): void {
    // Every call has an ending, also one that middleware let drop.
    if (!passage.arrived) passage.answer?.fail(new PrismError("cancelled", "Dropped by middleware"));
  }

  #refused({ peer, entry, answer }: Passage, error: unknown): void {
    if (error instanceof WireError) peer.shut(error.closeCode, error.message);
    else if (answer !== undefined) answer.fail(error);
    else this.#reports.dropped(peer.id, entry.name, error);
  }
}
