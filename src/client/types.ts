import type { AnyApp, ClientsOf, ClientsOfHalves, HalvesFor, ServiceName } from "../service/app.ts";
import type { Off } from "../service/emitter.ts";
import type { ConnectionStatus } from "../service/hosts.ts";
import type { Clock } from "../wire/clock.ts";
import type { Dial } from "./dial.ts";

/** What happens to a client's connection. */
export interface ConnectionEvents {
  /** The status is another. */
  readonly status: ConnectionStatus;
  /** The connection is open, for the first time or again. */
  readonly open: undefined;
  /** The socket was lost; the client tries to get another. */
  readonly suspended: CloseReason;
  /** After `suspended`: the connection goes on over another socket, and nothing was lost. */
  readonly resumed: undefined;
  /** A new connection has taken the place of one that was lost: calls in flight have failed with `lost`. */
  readonly reset: undefined;
  /** There was no socket, or no token from `auth`; another attempt follows. The value is what went wrong, if known. */
  readonly failed: unknown;
  /** The client has stopped: it was closed, or the server refused it. `open()` begins anew. */
  readonly closed: CloseReason;
}

/** Why a socket was closed. */
export interface CloseReason {
  /** The close code (RFC 6455 section 7.4; PROTOCOL.md, "Limits and errors"). */
  readonly code: number;
  /** What the other end said. */
  readonly reason: string;
}

/** The client's own members; services stand beside it. */
export interface ClientConnection {
  /** Whether the connection is there. */
  readonly status: ConnectionStatus;
  /** Settles when the connection is open; rejects with `closed` when the client stops before. */
  readonly opened: Promise<void>;
  /**
   * Calls a listener with each event of a name.
   *
   * @returns takes the listener off again
   */
  on<Name extends keyof ConnectionEvents>(name: Name, listener: (value: ConnectionEvents[Name]) => void): Off;
  /** Opens it again after `close`, or tries at once where it waits. */
  open(): void;
  /**
   * Asks `auth` again and shows the server what it gives, on the socket that is open. Several at once share one. Where
   * the connection is not open it settles with the next opening, which asks `auth` anyway.
   *
   * @returns settles when the server has accepted it; rejects with `closed` or `lost` when the connection goes before,
   *   with what `auth` threw, and with a `TypeError` where there is no `auth`
   */
  refreshAuth(): Promise<void>;
  /**
   * Waits until there is room to send: for whoever sends more than the network may carry.
   *
   * @returns settles when the connection is open and not too much waits to be acknowledged; rejects with `closed` when
   *   the client stops
   */
  drained(): Promise<void>;
  /** Sends what is waiting, and closes it for good: calls in flight and queued fail with `closed`. */
  close(): void;
}

/** How the client goes about getting a lost socket back: after a random time between 0 and a bound that doubles. */
export interface ReconnectOptions {
  /** The first bound, in ms: 500. */
  readonly min?: number | undefined;
  /** The last bound, in ms: 10,000. */
  readonly max?: number | undefined;
}

/** An entry of the client's log. */
export interface ClientLogEntry {
  /** What happened. */
  readonly message: string;
  /** The service that it is about. */
  readonly service?: string | undefined;
  /** Anything that helps. */
  readonly data?: unknown;
}

/** What `connect` takes besides the services. */
export interface ClientOptions {
  /**
   * The token that says who the client is, or what gives it: asked for each socket, when the server says that the last
   * one expires, and by `refreshAuth`. The connection is open when the server has accepted it. A function that takes
   * 10 s or throws has the client try again later; one that throws a `PrismError` closes it.
   */
  readonly auth?: string | (() => string | Promise<string>) | undefined;
  /** After how many ms a call fails with `timeout` when it says nothing itself: 30,000. `Infinity` for never. */
  readonly timeout?: number | undefined;
  /** How many calls and messages may wait for the connection: 1,024. One more fails with `busy`. */
  readonly queue?: number | undefined;
  /**
   * What is kept until the server has acknowledged it, in bytes or characters, so that no socket that goes takes it
   * along: 1 MiB. More than half of it holds back streams and `drained`.
   */
  readonly replayLimit?: number | undefined;
  /** How a lost socket is replaced. */
  readonly reconnect?: ReconnectOptions | undefined;
  /** Opens sockets. A standard WebSocket where nothing is said. */
  readonly dial?: Dial | undefined;
  /** Whether to wait for `client.connection.open()` before connecting. */
  readonly lazy?: boolean | undefined;
  /** Hears of what goes wrong out of sight: attempts and listeners that fail, messages that cannot be read. */
  readonly log?: ((entry: ClientLogEntry) => void) | undefined;
  /** The service table that a generated client was made with. */
  readonly manifest?: Manifest | undefined;
  /** Time, turns and randomness; the platform's where nothing is said. */
  readonly clock?: Clock | undefined;
}

/** A server's services, known before it says them. */
export interface Manifest {
  /** Names this table among all (PROTOCOL.md, "Opening"). */
  readonly hash: string;
  /** Number, kind and what the client half needs, by name. */
  readonly services: Readonly<Record<string, readonly unknown[]>>;
}

/** What `connect` takes. */
export interface ConnectOptions<Halves> extends ClientOptions {
  /** The client half of each service, by the service's name. */
  readonly services: Halves;
}

/** A client of an app, or of the client halves alone. */
export type Client<App, Name extends string, Halves> = {
  /** The connection itself. */
  readonly connection: ClientConnection;
} & ([App] extends [AnyApp] ? ClientsOf<App, Name> : ClientsOfHalves<Halves>);

/** The client halves that `connect` takes where nothing else is said. */
export type DefaultHalves<App, Name extends string> = [App] extends [AnyApp] ? HalvesFor<App, Name> : object;

/** The names of an app's services, or any. */
export type DefaultNames<App> = [App] extends [AnyApp] ? ServiceName<App> : string;
