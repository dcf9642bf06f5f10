/** What is kept of a session, as plain JSON. */
export interface SessionRecord {
  /** Grows with each change. The first member of the JSON text, so that a store finds it without reading the rest. */
  readonly version: number;
  /** When the session began, in ms since 1970. */
  readonly created: number;
  /** When its client was last heard of, in ms since 1970. */
  readonly seen: number;
  /** The app's own data. */
  readonly data: Readonly<Record<string, unknown>>;
  /** What express-session keeps of its cookie; hidden from the app's data. */
  readonly cookie?: unknown;
  /** There when the id is dead: nobody can have this session any more. */
  readonly dead?: DeadSession | undefined;
}

/** What is kept of a session that has ended or has a new id, for as long as its cookie might come back. */
export interface DeadSession {
  /** The id that took its place, while its client has yet to fetch the new cookie. */
  readonly next?: string | undefined;
  /** The SHA-256 hash of the ticket that fetches it, as unpadded base64url. */
  readonly ticket?: string | undefined;
  /** Until when it can be fetched, in ms since 1970. */
  readonly until?: number | undefined;
}

/**
 * Where sessions are kept, for any number of servers. Ids are Prism's own: 22 characters of `A–Z a–z 0–9 - _`.
 *
 * An implementation MUST keep versions straight: a write takes place only if the version stored is the expected one.
 * Where `atomic` is true that holds against every other server as well; where it is false, only against writes through
 * the same object. It MUST NOT keep a record back once its write has settled, MUST hand out what can be changed without
 * changing the store, and MAY fail or take long: whoever calls it has a deadline. It MAY hand out records that have
 * expired.
 */
export interface SessionStore {
  /** Whether compare and write is one step for every server. */
  readonly atomic: boolean;
  /** Whether records go away by themselves when their time is over; else they are swept. */
  readonly expires: boolean;
  /** Whether other servers may see the same records. */
  readonly shared: boolean;
  /** Reads a record; what is not one is as good as none. */
  read(id: string): Promise<SessionRecord | undefined>;
  /**
   * Writes a record, or removes it.
   *
   * @param id the session's
   * @param record the record; `undefined` removes what is there
   * @param expected the version that must be stored now, 0 for none
   * @param ttl after how many ms it may be forgotten
   * @returns whether it was written; if not, another server was faster
   */
  write(id: string, record: SessionRecord | undefined, expected: number, ttl: number): Promise<boolean>;
  /**
   * An operation on a record took too long, and nobody waits for it any more: those that come now MUST NOT wait for it
   * either.
   */
  giveUp?(id: string): void;
  /** The ids of all records, for sweeping; one may come twice, and one may be gone by then. */
  ids(): AsyncIterable<string> | Promise<readonly string[]>;
}
