import type { LiveSession } from "../session/live-session.ts";
import type { Session } from "../session/session.ts";
import type { SessionGate } from "../session/session-gate.ts";
import { LooseSession, SessionView, type SessionOwner } from "../session/session-view.ts";
import type { Place } from "./caps.ts";
import type { Offer } from "./offer.ts";

const NOTHING: Offer = { version: undefined, manifest: undefined, resume: undefined };

/** What is known of a client, and kept for it, from its admission on. */
export class Arrival implements SessionOwner {
  readonly remoteAddress: string | undefined;
  readonly gate: SessionGate | undefined;
  readonly activity = 0;
  /** What it offers, until it has its welcome. */
  offer: Offer = NOTHING;
  state: Record<string, unknown> = {};
  /** Its session; where the app keeps none, nobody ever looks at it. */
  live!: LiveSession;
  /** Whether the client has the cookie of its session. */
  known = false;
  /** Whether it came with a cookie that was good. */
  met = false;
  /** Whether it was let go of. */
  left = false;
  readonly #place: Place;
  /** Whether the session is no more the arrival's own. */
  #over = false;

  /**
   * @param remoteAddress the client's network address
   * @param place its place among the connections
   * @param gate the app's sessions, where it keeps any
   */
  constructor(remoteAddress: string | undefined, place: Place, gate: SessionGate | undefined) {
    this.remoteAddress = remoteAddress;
    this.gate = gate;
    this.#place = place;
  }

  /** The session as the app sees it, for whoever has it now. */
  toSession(owner: SessionOwner = this): Session {
    return this.gate === undefined ? new LooseSession() : new SessionView(this.gate.sessions, owner);
  }

  moved(live: LiveSession): void {
    this.live = live;
    this.known = false;
    // The admission did not wait for it.
    if (this.#over) this.gate?.sessions.release(live, this);
  }

  ended(): void {
    // Whoever opens a connection with it looks.
  }

  /** Hands the session to the peer. */
  handTo(owner: SessionOwner): void {
    this.offer = NOTHING;
    if (this.gate === undefined) return;
    this.#over = true;
    this.live.holders.delete(this);
    this.live.holders.add(owner);
  }

  /** Whether there is room for a connection of its own, if it does not go on with another. */
  stays(): boolean {
    return this.#place.stays();
  }

  /** Lets go of everything: there will be no connection, or none any more. */
  leave(owner: SessionOwner = this): void {
    this.#over = true;
    this.left = true;
    this.#place.release();
    if (owner.live !== undefined) this.gate?.sessions.release(owner.live, owner);
  }
}
