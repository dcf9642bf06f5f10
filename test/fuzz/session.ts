/** One of those who are at the app, or at one of its clients, at the same time. */
export interface Session {
  /** Whether nothing comes of it any more. */
  readonly over: boolean;
  /** Calls of a client that have no ending yet. */
  readonly pending?: number;
  /** Does something; what comes of it shows when all is quiet. */
  act(): Promise<void>;
  /** Says that other things went on at the same time, so that what comes of it is not known. */
  loosen(): void;
  /** Throws if what came of it is wrong. */
  judge(): void;
  /** Ends it. */
  end(): void;
}
