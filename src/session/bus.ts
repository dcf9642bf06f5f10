import type { SessionEnd } from "./live-session.ts";

/** What has happened to a session. */
export interface SessionChange {
  /** The session's id. */
  readonly id: string;
  /** Why it is over; where it is not, its data have changed. */
  readonly end?: SessionEnd | undefined;
}

/**
 * Tells servers of each other's sessions, so that a logout on one closes connections on all of them.
 *
 * An implementation MUST bring a change to every other server that is subscribed, and MUST NOT bring it back to the one
 * that published it. It MAY lose changes and bring them twice or late: what counts is what is stored. Neither method
 * throws.
 */
export interface SessionBus {
  /** Tells the other servers. */
  publish(change: SessionChange): void;
  /** Hears of the other servers. */
  subscribe(listener: (change: SessionChange) => void): void;
}
