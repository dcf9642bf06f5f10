import type { MessageContext } from "../service/contexts.ts";
import type { LiveSession, SessionEnd } from "../session/live-session.ts";
import type { Session } from "../session/session.ts";
import type { SessionOwner } from "../session/session-view.ts";
import { REFUSED, SESSION_REPLACED } from "../wire/close-codes.ts";
import type { Clock } from "../wire/clock.ts";
import type { Arrival } from "./arrival.ts";
import { Recipient, type RecipientOptions } from "./recipient.ts";

/** How long whoever ends its own session has to hear that it worked, in ms. */
const LAST_WORD = 100;

/** A client with its session: that of the arrival which the connection began with, whatever sockets follow. */
export abstract class Member extends Recipient implements MessageContext, SessionOwner {
  live: LiveSession;
  protected readonly arrival: Arrival;
  readonly #clock: Clock;
  #session: Session | undefined;

  /**
   * @param options the app's
   * @param arrival what is known of the client
   * @param id its connection's; a new one where nothing is said
   */
  constructor(options: RecipientOptions, arrival: Arrival, id: string | undefined) {
    super(options, arrival.state, arrival.remoteAddress, id);
    this.arrival = arrival;
    this.live = arrival.live;
    this.#clock = options.clock;
  }

  /** Whether services have heard of it. */
  abstract readonly begun: boolean;

  get connection(): this {
    return this;
  }

  get session(): Session {
    return (this.#session ??= this.arrival.toSession(this));
  }

  get activity(): number {
    return this.wire.received;
  }

  /** Whether its client came with a cookie of its session. */
  get met(): boolean {
    return this.arrival.met;
  }

  /** Whether an arrival is what it came with. */
  cameWith(arrival: Arrival): boolean {
    return arrival === this.arrival;
  }

  /** Whether a client that came like this may go on with it: one of the same session, if its own had a cookie. */
  isOf({ live, met, gate }: Arrival): boolean {
    if (!this.begun) return false;
    return gate === undefined || live === this.live || (!met && !this.arrival.met);
  }

  moved(live: LiveSession, ticket: string): void {
    this.live = live;
    // The client went while its session got the new id.
    if (this.closed) return this.arrival.leave(this);
    this.link?.post(`$${JSON.stringify({ session: ticket })}`);
  }

  ended(end: SessionEnd, own: boolean): void {
    const code = end === "replaced" ? SESSION_REPLACED : REFUSED;
    const close = (): void => this.shut(code, end === "expired" ? "Session expired" : "Session ended");
    if (own) this.#clock.setTimer(close, LAST_WORD);
    else close();
  }
}
