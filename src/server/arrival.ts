import type { LiveSession } from "../session/live-session.ts";
import type { Session } from "../session/session.ts";
import type { SessionGate } from "../session/session-gate.ts";
import { LooseSession, SessionView, type SessionOwner } from "../session/session-view.ts";
import type { Crowd } from "./caps.ts";
import type { Offer } from "./offer.ts";

const NOTHING: Offer = { version: undefined, manifest: undefined, resume: undefined };

/** A connection that goes on with what an arrival has. */
export interface ArrivalHeir extends SessionOwner {
  /** Whether it has ended. */
  readonly closed: boolean;
}

/** What is known of a client, and kept for it, from its admission on. */
export class Arrival implements SessionOwner {
  readonly remoteAddress: string | undefined;
  readonly gate: SessionGate | undefined;
  readonly activity = 0;
  /** Those with whom it is counted. */
  readonly crowd: Crowd;
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
  /** Whether it came back to a connection that is counted already. */
  readonly #again: boolean;
  /** Whether it was let go of. */
  #left = false;
  /** The connection that it was handed to, which is counted in its stead. */
  #peer: ArrivalHeir | undefined;

  /**
   * @param remoteAddress the client's network address
   * @param crowd those with whom it is counted
   * @param again whether it came back to a connection that is counted already
   * @param gate the app's sessions, where it keeps any
   */
  constructor(remoteAddress: string | undefined, crowd: Crowd, again: boolean, gate: SessionGate | undefined) {
    this.remoteAddress = remoteAddress;
    this.gate = gate;
    this.crowd = crowd;
    this.#again = again;
  }

  /** Whether it was let go of, or what it was handed to has ended. */
  get left(): boolean {
    return this.#left || this.#peer?.closed === true;
  }

  /** Its session as the app sees it. */
  toSession(): Session {
    return toSession(this.gate, this);
  }

  moved(live: LiveSession): void {
    this.live = live;
    this.known = false;
    // The admission did not wait for it.
    if (this.#left || this.#peer !== undefined) this.gate?.sessions.release(live, this);
  }

  ended(): void {
    // Whoever opens a connection with it looks.
  }

  /** Hands the session to its connection, which is counted from now on, and lets go of both. */
  handTo(peer: ArrivalHeir): void {
    // One that another server has handed over may be of no use, and still be there.
    if (this.#peer !== undefined) this.crowd.enter();
    this.#peer = peer;
    if (this.gate === undefined) return;
    this.live.holders.delete(this);
    this.live.holders.add(peer);
  }

  /** Whether a connection is the one that it was handed to. */
  became(peer: ArrivalHeir): boolean {
    return peer === this.#peer;
  }

  /** Whether there is room for a connection of its own, if it does not go on with another. */
  stays(): boolean {
    return !this.#again || this.crowd.fits;
  }

  /** Lets go of everything: there will be no connection. */
  leave(): void {
    if (this.#peer !== undefined) return;
    if (!this.#left) this.crowd.leave();
    this.#left = true;
    // Which may have come only after it was let go of.
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
