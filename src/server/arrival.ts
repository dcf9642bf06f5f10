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
  /** Its place among the connections. */
  readonly place: Place;
  /** What it offers. */
  offer: Offer = NOTHING;
  /** What the app keeps for it, where it keeps anything. */
  state: Record<string, unknown> | undefined;
  /** Its session; where the app keeps none, nobody ever looks at it. */
  live!: LiveSession;
  /** Whether the client has the cookie of its session. */
  known = false;
  /** Whether it came with a cookie that was good. */
  met = false;
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
    this.place = place;
  }

  /** Whether it was let go of. */
  get left(): boolean {
    return !this.place.taken;
  }

  /** Its session as the app sees it. */
  toSession(): Session {
    return toSession(this.gate, this);
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

  /** Hands the session to the peer, which has its place from now on, too, and lets go of both. */
  handTo(owner: SessionOwner): void {
    if (this.gate === undefined) return;
    this.#over = true;
    this.live.holders.delete(this);
    this.live.holders.add(owner);
  }

  /** Whether there is room for a connection of its own, if it does not go on with another. */
  stays(): boolean {
    return this.place.stays();
  }

  /** Lets go of everything: there will be no connection. */
  leave(): void {
    this.#over = true;
    this.place.release();
    if (this.live !== undefined) this.gate?.sessions.release(this.live, this);
  }
}

/**
 * A session as the app sees it.
 *
 * @param gate the app's sessions, where it keeps any
 * @param owner whose it is
 */
export function toSession(gate: SessionGate | undefined, owner: SessionOwner): Session {
  return gate === undefined ? new LooseSession() : new SessionView(gate.sessions, owner);
}
