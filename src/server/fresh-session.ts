import type { Middleware } from "../service/middleware.ts";
import type { SessionGate } from "../session/session-gate.ts";
import type { Peer } from "./peer.ts";

/**
 * Reads a client's session before each of its messages and calls: for an app that does not keep them in memory. They
 * keep their order, since the reads of a session come one after the other.
 *
 * @param gate the app's sessions
 * @returns the middleware, to stand before all others
 */
export function freshSession({ sessions }: SessionGate): Middleware {
  return (inbound, next) => sessions.refresh((inbound.connection as unknown as Peer).live).then(() => next(inbound));
}
