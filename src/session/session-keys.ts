/** What stands before the id in the key of a session. */
export const SESSION_PREFIX = "prism-session";

const sessionId = /^[A-Za-z0-9_-]{22}$/;

/**
 * Whether a text could be a session's id: 128 bits as unpadded base64url.
 *
 * @param text what it might be
 * @returns true if so
 */
export function isSessionId(text: string): boolean {
  return sessionId.test(text);
}

/**
 * The key of a session in a `Storage`.
 *
 * @param id the session's
 * @returns the key
 */
export function toSessionKey(id: string): string {
  return `${SESSION_PREFIX}:${id}`;
}

/**
 * The ids among keys.
 *
 * @param keys any keys
 * @param prefix what stands before an id, the `:` included
 * @returns the ids
 */
export function toSessionIds(keys: readonly string[], prefix: string): string[] {
  return keys
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length))
    .filter(isSessionId);
}
