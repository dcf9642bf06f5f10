import type { Session } from "../session/session.ts";

/** How an app types what it keeps: `session` for a session's data, `state` for a connection's. */
export interface Shape {
  /** A session's data. */
  readonly session?: unknown;
  /** A connection's state. */
  readonly state?: unknown;
}

/** The type of a session's data in a shape. */
export type SessionData<S> = S extends { readonly session: infer Data } ? Data : Record<string, unknown>;

/** The type of a connection's state in a shape. */
export type ConnectionState<S> = S extends { readonly state: infer State } ? State : Record<string, unknown>;

/** A client's connection, as services see it. It stays the same object while the connection lives. */
export interface ConnectionHandle<State = Record<string, unknown>> {
  /** The connection's id, unique while the server lives. */
  readonly id: string;
  /** Whatever the app keeps for the connection; `admit` may set it. */
  state: State;
  /** The peer's network address, as the runtime tells it. */
  readonly remoteAddress: string | undefined;
  /** Whether it has ended. One that waits for a socket has not. */
  readonly closed: boolean;
  /** Whether it waits for another socket. What is sent meanwhile is kept, unless it is volatile. */
  readonly suspended: boolean;
  /**
   * Waits until the client has taken enough of what was sent to it, for whoever would send more than the network carries:
   * `await connection.drained()` before each message holds the producer, where a message alone could not wait.
   *
   * @returns settles at once where there is room; rejects with `lost` when the connection has ended
   */
  drained(): Promise<void>;
  /**
   * Ends the connection with 1008: the client stays closed until it is opened again.
   *
   * @param reason what the client is told; cut to 123 bytes
   */
  close(reason?: string): void;
}

/** Who sent a message. */
export interface MessageContext<S = Shape> {
  /** Whose message it is. */
  readonly connection: ConnectionHandle<ConnectionState<S>>;
  /** What is kept for the client. */
  readonly session: Session<SessionData<S>>;
}

/** Who makes a call, and whether it is still wanted. */
export interface CallContext<S = Shape> extends MessageContext<S> {
  /** Aborted when the caller no longer wants the call, or is gone. */
  readonly signal: AbortSignal;
}

/** What comes with a call to a service: its caller, and the items that the caller sends. */
export interface ServiceCallContext<S = Shape> extends CallContext<S> {
  /** The items that the caller sends, in order. They wait until they are taken. */
  readonly items: AsyncIterableIterator<unknown>;
  /** Drops the items that the caller sends: nobody is going to take them. */
  dropItems(): void;
}

/** What comes with a call from the server to the client. */
export interface ClientCallContext {
  /** Aborted when the server no longer wants the call, or the connection is lost. */
  readonly signal: AbortSignal;
  /** The items that the server sends, in order. */
  readonly items: AsyncIterableIterator<unknown>;
}
