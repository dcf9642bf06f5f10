/**
 * What is kept for a client: over HTTP and over its connections, on this server and on others, for as long as the app's
 * options say. All connections of a session on one server share one `data`; `save` makes it last. An HTTP request has a
 * copy of what is stored.
 */
export interface Session<Data = Record<string, unknown>> {
  /** The session's id: 128 random bits, as 22 characters of base64url. */
  readonly id: string;
  /** The app's own data: anything JSON, empty at first. */
  data: Data;
  /**
   * Stores what has changed in `data` since it was read or stored; a session without data is not stored at all. Within a
   * server the last one to write a key wins. What another server has stored meanwhile is merged, key by key.
   *
   * @throws {PrismError} `conflict` if another server has stored another value under a key that has changed here, too:
   *   nothing is stored, and `data` has the other's values of these keys. `unavailable` if the store failed or took too
   *   long, `too_large` beyond the option `size`, `unauthorized` if the session has ended
   * @throws {TypeError} if `data` is not JSON, or has a member `cookie`, which is express-session's
   */
  save(): Promise<void>;
  /**
   * Gives the session a new id, with all its data, and stores it: for a login, so that nobody who knew the id before it
   * is logged in by it. The old id is dead at once; other connections that had it are closed with 4004 and come anew.
   * Best done first: what the login puts into `data` afterwards never belonged to the old id.
   *
   * @throws {PrismError} as `save` does; the old id is then as it was, and `data` is what is stored
   */
  regenerate(): Promise<void>;
  /**
   * Ends the session: for a logout. Its id is dead at once, and all its connections are closed with 1008; that of the
   * caller a moment later, so that it gets its answer.
   *
   * @throws {PrismError} `unavailable` if the store failed or took too long: the session is then as it was
   */
  destroy(): Promise<void>;
}
