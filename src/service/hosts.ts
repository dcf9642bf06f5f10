import type { Channels } from "../broker/channels.ts";
import type { Session } from "../session/session.ts";
import type { AssetFolder } from "./asset.ts";
import type { Call, CallOptions } from "./call.ts";
import type {
  ClientCallContext,
  ConnectionHandle,
  ConnectionState,
  MessageContext,
  ServiceCallContext,
  SessionData,
} from "./contexts.ts";
import type { Limits } from "../wire/limits.ts";
import type { Off } from "./emitter.ts";

/** Writes to the app's log. */
export interface Logger {
  /**
   * Writes an entry.
   *
   * @param message what happened
   * @param data anything that helps
   */
  debug(message: string, data?: unknown): void;
  /** See `debug`. */
  info(message: string, data?: unknown): void;
  /** See `debug`. */
  warn(message: string, data?: unknown): void;
  /** See `debug`. */
  error(message: string, data?: unknown): void;
}

/** How a broadcast goes out. */
export interface BroadcastOptions {
  /** To these connections only. */
  readonly to?: Iterable<ConnectionHandle<unknown>> | undefined;
  /** To all but this one. */
  readonly except?: ConnectionHandle<unknown> | undefined;
  /** Whether it may be dropped for a peer that is slow or without a socket. */
  readonly volatile?: boolean | undefined;
  /** While a peer is slow, only the last message of this key is kept for it. */
  readonly conflate?: string | undefined;
}

/** Keys and values of a service: the service's own corner of the app's storage. */
export interface ServiceStorage {
  /** The value of a key, or `null`. */
  getItem<Value = unknown>(key: string): Promise<Value | null>;
  /** Sets a key's value, anything JSON. */
  setItem(key: string, value: unknown): Promise<void>;
  /** Whether there is such a key. */
  hasItem(key: string): Promise<boolean>;
  /** Removes a key. */
  removeItem(key: string): Promise<void>;
  /** All keys, or those that begin so. */
  getKeys(base?: string): Promise<string[]>;
  /** Removes all keys, or those that begin so. */
  clear(base?: string): Promise<void>;
}

/** What `rateLimit` says of a client that comes near its limit, or is over it. */
export interface LimitEvent {
  /** Whether the limit is near, messages are refused, or the connection is closed because too many were. */
  readonly level: "warning" | "limited" | "closed";
  /** Whose message it was. */
  readonly connection: ConnectionHandle<unknown>;
  /** The service that the message was for. */
  readonly service: string;
  /** Whether it was a call. */
  readonly kind: "message" | "call";
  /** Whom the limit is for: a connection's or session's id, a network address, or what the app says. */
  readonly key: string;
  /** When as much would pass again, in ms from now: 0 for a warning, `Infinity` for what never would. */
  readonly retryAfter: number;
}

/** The events that an app has of itself. */
export interface AppEvents {
  /** A client's connection was opened. */
  readonly connect: ConnectionHandle<unknown>;
  /** A client's connection has lost its socket, and waits for another for as long as `limits.resumeWithin` says. */
  readonly suspend: ConnectionHandle<unknown>;
  /** A client's connection has a socket again: nothing was lost. */
  readonly resume: ConnectionHandle<unknown>;
  /** A client's connection has ended. */
  readonly disconnect: ConnectionHandle<unknown>;
  /** Something failed that no client was told of: a handler, a listener, a hook. */
  readonly error: unknown;
  /** A client comes near its limit, or is over it: see `./middleware/rate-limit`. */
  readonly limit: LimitEvent;
}

/** A bus of events: an app's, with what its services add. */
export interface EventBus<Events> {
  /**
   * Calls a listener with each event of a name.
   *
   * @returns takes the listener off again
   */
  on<Name extends keyof Events>(name: Name, listener: (value: Events[Name]) => void): Off;
  /** Calls the listeners of a name. One that throws is reported as `error`; the others go on. */
  emit<Name extends keyof Events>(name: Name, value: Events[Name]): void;
}

/** What a service's server half gets. `Up` comes from clients, `Down` goes to them. */
export interface ServerHost<Up = unknown, Down = unknown, S = unknown, Events = unknown> {
  /** The name under which the service is registered. */
  readonly name: string;
  /** The app's limits. */
  readonly limits: Limits;
  /** The `init` that a client was given: that of an older release, where another server has handed its connection over. */
  initOf(connection: ConnectionHandle<unknown>): unknown;
  /** The app's bus. */
  readonly events: EventBus<AppEvents & Events>;
  /** The app's log; entries name the service. */
  readonly log: Logger;
  /** The service's own corner of the app's storage. */
  readonly storage: ServiceStorage;
  /** The service's own channels between the servers of the app. */
  readonly channels: Channels;
  /** The session of a connection. */
  sessionOf(connection: ConnectionHandle<unknown>): Session<SessionData<S>>;
  /** The files that are served: one can be added at any time, where it is not known before. */
  readonly assets: AssetFolder;
  /** The connections that are open now. */
  readonly connections: Iterable<ConnectionHandle<ConnectionState<S>>>;
  /** Calls a listener with each message from a client. */
  onmessage(listener: (body: Up, context: MessageContext<S>) => unknown): Off;
  /**
   * Answers clients' calls: with what the handler returns, a promise of it, or an async iterable, whose items are sent
   * before what it returns. One handler a service.
   *
   * @throws {TypeError} if there is one already
   */
  oncall(handler: (body: Up, context: ServiceCallContext<S>) => unknown): void;
  /** Sends a message to one client. */
  send(to: ConnectionHandle<unknown>, body: Down): void;
  /** Sends a message to many clients; it is encoded once. */
  broadcast(body: Down, options?: BroadcastOptions): void;
  /**
   * A set of connections to broadcast `to`. What goes to all of it in one turn comes to each of them at one go, which is
   * what makes thousands cheap. To take out who has left is the service's.
   */
  group(): Set<ConnectionHandle<unknown>>;
  /** Calls one client. */
  call<Result = unknown, Item = unknown>(
    to: ConnectionHandle<unknown>,
    body: Down,
    options?: CallOptions,
  ): Call<Result, Item>;
  /** Calls a listener with each connection that opens. */
  onconnect(listener: (connection: ConnectionHandle<ConnectionState<S>>) => unknown): Off;
  /**
   * Calls a listener with each connection that was given up while it waited for a socket: what it was sent last may not
   * have arrived. `ondisconnect` follows.
   */
  onreset(listener: (connection: ConnectionHandle<ConnectionState<S>>) => unknown): Off;
  /**
   * Says what of this service's own another server needs to go on with a connection: anything JSON. Called when the app
   * is drained and the connection handed over; `ondisconnect` follows. One function a service.
   *
   * @throws {TypeError} if there is one already
   */
  onpark(park: (connection: ConnectionHandle<ConnectionState<S>>) => unknown): void;
  /**
   * Goes on with a connection that another server has handed over, from what that said. Called in place of `onconnect`'s
   * listeners, where the service there has parked something. One function a service. Where it throws, the connection is
   * not taken up: its client hears of a reset.
   *
   * @throws {TypeError} if there is one already
   */
  onunpark(unpark: (connection: ConnectionHandle<ConnectionState<S>>, parked: unknown) => void): void;
  /** Calls a listener with each connection that has ended. */
  ondisconnect(listener: (connection: ConnectionHandle<ConnectionState<S>>) => unknown): Off;
  /** Calls a listener when the app is closed. */
  onclose(listener: () => unknown): Off;
}

/** Whether a client's connection is there: see `client.connection.status`. */
export type ConnectionStatus = "connecting" | "open" | "suspended" | "closed";

/** What a service's client half gets. `Up` goes to the server, `Down` comes from it. */
export interface ClientHost<Up = unknown, Down = unknown> {
  /** What the server half said that the client half needs, `undefined` before the first welcome. */
  readonly init: unknown;
  /** Whether the connection is there. */
  readonly status: ConnectionStatus;
  /** Writes to the client's log. */
  log(message: string, data?: unknown): void;
  /** Sends a message; it is queued until the connection is open. */
  send(body: Up): void;
  /**
   * Calls the server; queued until the connection is open.
   *
   * @param body the body, or a function that makes it when it is sent, for bodies that depend on `init`
   * @param options what the call is given
   */
  call<Result = unknown, Item = unknown>(body: Up | (() => Up), options?: CallOptions): Call<Result, Item>;
  /** Calls a listener with each message from the server. */
  onmessage(listener: (body: Down) => void): Off;
  /** Answers the server's calls, as `ServerHost.oncall` does clients'. */
  oncall(handler: (body: Down, context: ClientCallContext) => unknown): void;
  /** Calls a listener when a new connection has taken the place of one that was lost, with all that was in it. */
  onreset(listener: () => void): Off;
  /** Calls a listener when the client has stopped: it was closed, or the server refused it. It may be opened again. */
  onclose(listener: () => void): Off;
}
