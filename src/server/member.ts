import type { MessageContext } from "../service/contexts.ts";
import type { LiveSession, SessionEnd } from "../session/live-session.ts";
import type { SessionGate } from "../session/session-gate.ts";
import type { Session } from "../session/session.ts";
import type { SessionOwner } from "../session/session-view.ts";
import { REFUSED, SESSION_REPLACED } from "../wire/close-codes.ts";
import { toSession, type Arrival } from "./arrival.ts";
import type { Crowd } from "./caps.ts";
import { Recipient, type RecipientOptions } from "./recipient.ts";

/** What is needed for a client that has a session, too. */
export interface MemberOptions extends RecipientOptions {
  /** The app's sessions, where it keeps any. */
  readonly gate: SessionGate | undefined;
}

/** How long whoever ends its own session has to hear that it worked, in ms. */
const LAST_WORD = 100;

/** A client with its session: that of the arrival which the connection began with, whatever sockets follow. */
export abstract class Member<Owner extends MemberOptions>
  extends Recipient<Owner>
  implements MessageContext, SessionOwner
{
  live: LiveSession;
  /** Whether its client came with a cookie of its session. */
  readonly met: boolean;
  readonly #crowd: Crowd;
  #session: Session | undefined;

  /**
   * @param owner the app
   * @param arrival what is known of the client
   * @param id its connection's; a new one where nothing is said
   */
  constructor(owner: Owner, arrival: Arrival, id?: string) {
    super(owner, arrival.state, arrival.remoteAddress, id);
    this.live = arrival.live;
    this.met = arrival.met;
    this.#crowd = arrival.crowd;
  }

  /** Whether services have heard of it. */
  abstract readonly begun: boolean;

  get connection(): this {
    return this;
  }

  get session(): Session {
    return (this.#session ??= toSession(this.owner.gate, this));
  }

  get activity(): number {
    return this.wire.received;
  }

  /** Whether a client that came like this may go on with it: one of the same session, if its own had a cookie. */
  isOf({ live, met, gate }: Arrival): boolean {
    if (!this.begun) return false;
    return gate === undefined || live === this.live || (!met && !this.met);
  }

  moved(live: LiveSession, ticket: string): void {
    this.live = live;
    // The client went while its session got the new id.
    if (this.closed) return this.owner.gate?.sessions.release(live, this);
    this.link?.post(`$${JSON.stringify({ session: ticket })}`);
  }

  /** Lets go of its session, and is counted no more. To be called once. */
  protected leave(): void {
    this.#crowd.leave();
    this.owner.gate?.sessions.release(this.live, this);
  }

  ended(end: SessionEnd, own: boolean): void {
    const code = end === "replaced" ? SESSION_REPLACED : REFUSED;
    const close = (): void => this.shut(code, end === "expired" ? "Session expired" : "Session ended");
    if (own) this.owner.clock.setTimer(close, LAST_WORD);
    else close();
  }
}
