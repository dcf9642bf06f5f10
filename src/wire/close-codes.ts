/** A close code of RFC 6455 section 7.4 or of PROTOCOL.md, "Limits and errors". */
export type CloseCode = number;

/** Done: from a client, only this one says so. The connection ends; the client stays closed. */
export const DONE: CloseCode = 1000;
/** The server is going away. The connection lives; the client tries again after a random delay. */
export const GOING_AWAY: CloseCode = 1001;
/** A frame broke the protocol. The connection ends; the client opens anew. */
export const PROTOCOL_ERROR: CloseCode = 1002;
/** Text was not valid UTF-8. The connection ends; the client opens anew. */
export const INVALID_TEXT: CloseCode = 1007;
/** Refused: origin, version, session ended, authentication. The connection ends; the client stays closed. */
export const REFUSED: CloseCode = 1008;
/** A packet was over the receiver's limit. The connection ends; the client opens anew. */
export const TOO_BIG: CloseCode = 1009;
/** The server restarts. The connection lives; the client tries again. */
export const RESTART: CloseCode = 1012;
/** A newer socket took over. The connection lives. */
export const TAKEN_OVER: CloseCode = 4001;
/** The peer did not read what was sent to it. The connection ends; the client opens anew. */
export const SLOW_CONSUMER: CloseCode = 4002;
/** Nothing was heard from the peer. The connection lives; the client tries again. */
export const HEARTBEAT_MISSED: CloseCode = 4003;
/** Its session has got a new id by another connection. The connection ends; the client opens anew, with its new cookie. */
export const SESSION_REPLACED: CloseCode = 4004;
/** For a client that may not send 1002, 1007 or 1009 (a browser). The connection ends; the client opens anew. */
export const CLIENT_ERROR: CloseCode = 4004;

const ENDING: ReadonlySet<CloseCode> = new Set([
  DONE,
  PROTOCOL_ERROR,
  INVALID_TEXT,
  REFUSED,
  TOO_BIG,
  SLOW_CONSUMER,
  CLIENT_ERROR,
]);

/**
 * Whether a connection ends with a socket that was closed with a code (PROTOCOL.md, "Limits and errors").
 *
 * @param code the code
 * @returns false where it lives on, for another socket
 */
export function endsConnection(code: CloseCode): boolean {
  return ENDING.has(code);
}
