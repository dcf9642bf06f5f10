import type { ServerAnswer } from "../service/server-answer.ts";
import { compose, type Middleware, type Next } from "../service/middleware.ts";
import { isThenable } from "../service/thenable.ts";
import { REFUSED } from "../wire/close-codes.ts";
import type { Clock } from "../wire/clock.ts";
import { isWireError, PrismError } from "../wire/errors.ts";
import type { Body } from "../wire/frames.ts";
import type { ServiceEntry } from "./entry.ts";
import { Passage, type Surroundings } from "./passage.ts";
import type { Peer } from "./peer.ts";
import type { Reports } from "./reports.ts";

/** What a message costs that waits, besides its body, in bytes. */
const OVERHEAD = 128;

/** Brings what arrives to its service, through the middleware. */
export class Dispatcher {
  readonly #entries: readonly ServiceEntry[];
  readonly #reports: Reports;
  readonly #app: Surroundings;
  /** What stands before each service; nothing where nothing does. */
  readonly #chains: readonly (Next | undefined)[];

  /**
   * @param entries the services by number
   * @param middleware what stands before all of them; with what each has of its own it is composed here, once
   * @param reports hears of what no client is told
   * @param clock the app's
   */
  constructor(entries: readonly ServiceEntry[], middleware: readonly Middleware[], reports: Reports, clock: Clock) {
    this.#entries = entries;
    this.#reports = reports;
    this.#app = { clock, events: reports.events };
    this.#chains = entries.map((entry) => {
      const chain = [...middleware, ...entry.middleware];
      return chain.length === 0 ? undefined : compose(chain, (inbound) => this.#arrive(inbound as Passage));
    });
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
    // What waits for middleware or a schema is bounded like all that waits.
    if (!peer.wire.load.hasRoom(body.length)) return peer.shut(REFUSED, "Too much waits");
    const chain = this.#chains[service];
    if (chain === undefined) this.#deliver(peer, entry, body);
    else this.#pass(chain, peer, entry, undefined, body);
  }

  /**
   * Takes a call.
   *
   * @throws {WireError} if it breaks the protocol
   */
  call(peer: Peer, service: number, id: number, body: Body): void {
    const entry = this.#entries[service];
    if (entry === undefined || !entry.answers) return peer.wire.refuse(id, "not_found");
    if (!peer.wire.load.hasRoom(body.length)) return peer.wire.refuse(id, "busy");
    const answer = entry.createAnswer();
    peer.wire.answer(id, answer);
    answer.work();
    const chain = this.#chains[service];
    if (chain === undefined) entry.call(peer, answer, body);
    else this.#pass(chain, peer, entry, answer, body);
  }

  // Nothing below makes a closure where nothing is late: a function that holds one costs its scope with every message.

  /** Hands it through the chain. What the chain throws, now or later, becomes the call's failure. */
  #pass(chain: Next, peer: Peer, entry: ServiceEntry, answer: ServerAnswer | undefined, body: Body): void {
    const passage = (peer.passage as Passage | undefined) ?? new Passage(peer, entry, this.#app);
    // Whatever comes before this is done takes another.
    peer.passage = undefined;
    passage.begin(entry, answer, body);
    try {
      const late = chain(passage);
      // Whoever waits may hold the passage for ever, so it is not used again.
      if (isThenable(late)) return this.#wait(passage, late);
      // Nor what was dropped, which may only be put off: its time must not come for another message.
      if (passage.arrived) peer.passage = passage;
      this.#passed(passage);
    } catch (error) {
      if (isWireError(error)) throw error;
      this.#refused(passage, error);
    }
  }

  #wait(passage: Passage, late: PromiseLike<unknown>): void {
    const size = this.#hold(passage.peer, passage.body);
    Promise.resolve(late).then(
      () => {
        passage.peer.wire.load.hold(-size);
        this.#passed(passage);
      },
      (error) => {
        passage.peer.wire.load.hold(-size);
        this.#refused(passage, error);
      },
    );
  }

  /** Counts what waits, and says how much that is. */
  #hold(peer: Peer, body: Body): number {
    const size = body.length + OVERHEAD;
    peer.wire.load.hold(size);
    return size;
  }

  #arrive(passage: Passage): void {
    if (passage.over) return this.#tooLate(passage);
    // Each message comes once.
    if (passage.arrived) throw new TypeError("Middleware calls next twice");
    passage.arrived = true;
    const { peer, entry, answer, body } = passage;
    // What is late may find nobody there any more.
    if (answer === undefined) return peer.closed ? undefined : this.#deliver(peer, entry, body);
    if (answer.over) answer.rest();
    else entry.call(peer, answer, body);
  }

  /** Told rather than thrown: there may be nobody any more who would catch it. */
  #tooLate({ peer, entry }: Passage): void {
    const error = new TypeError("Middleware calls next after it was done");
    this.#reports.failed("Message dropped", error, { connection: peer.id, service: entry.name });
  }

  #deliver(peer: Peer, entry: ServiceEntry, body: Body): void {
    try {
      const late = entry.message(peer, body);
      if (late instanceof Promise) this.#watch(late, peer, entry, this.#hold(peer, body));
    } catch (error) {
      if (isWireError(error)) throw error;
      this.#reports.dropped(peer.id, entry.name, error);
    }
  }

  #watch(late: Promise<unknown>, peer: Peer, entry: ServiceEntry, size: number): void {
    late.catch((error) => this.#reports.dropped(peer.id, entry.name, error)).finally(() => peer.wire.load.hold(-size));
  }

  #passed(passage: Passage): void {
    const { arrived, answer } = passage;
    passage.end();
    // Every call has an ending, also one that middleware let drop.
    if (arrived) return;
    answer?.fail(new PrismError("cancelled", "Dropped by middleware"));
    answer?.rest();
  }

  #refused(passage: Passage, error: unknown): void {
    const { peer, entry, answer, arrived } = passage;
    passage.end();
    // Its handler may be at work.
    if (!arrived) answer?.rest();
    if (isWireError(error)) peer.shut(error.closeCode, error.message);
    else if (answer !== undefined) answer.fail(error);
    else this.#reports.dropped(peer.id, entry.name, error);
  }
}
