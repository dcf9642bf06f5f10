import type { BrokerSource } from "../broker/broker.ts";
import type { ConnectionState, SessionData, Shape } from "../service/contexts.ts";
import type { ServiceStorage } from "../service/hosts.ts";
import type { Handover } from "../handover/handover.ts";
import type { Asset } from "../service/asset.ts";
import type { Limits } from "../wire/limits.ts";
import type { PeerInfo } from "./admission.ts";
import type { ConnectionHandle } from "../service/contexts.ts";
import type { KeyValueStorage } from "../session/key-value-storage.ts";
import type { SessionOptions } from "../session/options.ts";
import type { Session } from "../session/session.ts";
import type { ServerClock } from "./clock.ts";
import type { TrustProxy } from "./front.ts";
import type { Origins } from "./origins.ts";
import type { Log } from "./log.ts";

/** What `admit` may say of a client that it lets in. */
export interface Admitted<State> {
  /** The state of its connection. */
  readonly state?: State | undefined;
  /** Headers for the response to its upgrade, cookies say. */
  readonly headers?: Headers | Record<string, string> | undefined;
}

/** What connections are handed over through: see `PrismOptions.handover`. */
export type HandoverStorage = KeyValueStorage | Handover;

/** What `prism` takes. */
export interface PrismOptions<S = Shape> {
  /**
   * Takes the log's entries: one for each frame that arrives, each connection and each failure. `console.log` prints
   * them as one line each. Silent where nothing is said.
   */
  readonly log?: Log | undefined;
  /** Tells clients the text of errors that are not `PrismError`s. For development only. */
  readonly exposeErrors?: boolean | undefined;
  /** Bounds on what clients can make the server hold or do; see `Limits` for each and its reason. */
  readonly limits?: Partial<Limits> | undefined;
  /** Where Prism is: sockets open here, the client script and assets lie below. `/prism` where nothing is said. */
  readonly prefix?: string | undefined;
  /** An unstorage `Storage`, shared by the services, each in its own corner. In memory where nothing is said. */
  readonly storage?: ServiceStorage | undefined;
  /** Files to serve below `/prism/assets/`. */
  readonly assets?: readonly Asset[] | undefined;
  /**
   * How sessions are kept, and their cookie set. In memory where nothing is said; with `false` there are none: what a
   * handler has as its session then lives as long as the connection.
   */
  readonly session?: SessionOptions | false | undefined;
  /**
   * Which pages may open sockets, by their origins: the server's own where nothing is said. All others' are refused with
   * 403, and the log says what would let them in.
   */
  readonly origins?: Origins | undefined;
  /**
   * Where browsers find the app, `https://app.example`, behind proxies that do not tell: for `origins` and the cookie, in
   * place of the request's `host`.
   */
  readonly url?: string | undefined;
  /** How many proxies in front of the server are believed what they say of their clients: none where nothing is said. */
  readonly trustProxy?: TrustProxy | undefined;
  /**
   * Judges a client before its socket is opened: a `Response` refuses it, anything else lets it in.
   *
   * @param request the upgrade request
   * @param peer what the runtime, and the proxies that are trusted, know of the client
   * @param session the client's session
   */
  readonly admit?:
    | ((request: Request, peer: PeerInfo, session: Session<SessionData<S>>) => AdmitResult<S> | Promise<AdmitResult<S>>)
    | undefined;
  /**
   * Judges the token that a client gives as its `auth`, after the welcome and again whenever it is asked for another.
   * No service hears of the connection before it has been let in. Throwing closes it with 1008: the client is told the
   * message of a `PrismError`, and stays closed.
   */
  readonly authenticate?: Authenticate<S> | undefined;
  /** Answers the HTTP requests that are not Prism's. 404 where nothing is said. */
  readonly fetch?: ((request: Request, peer: PeerInfo) => Response | Promise<Response>) | undefined;
  /**
   * Through what connections are handed over to another server of the app when this one is drained: an unstorage
   * `Storage` with the Redis driver, or with the memory driver for apps of one process. Without it they are reset.
   */
  readonly handover?: HandoverStorage | undefined;
  /**
   * What connects the servers of the app: what is published on one is heard on all. `redis(…)` of `./brokers/redis`, or
   * `nats(…)` of `./brokers/nats`; where nothing is said, a server is alone.
   */
  readonly broker?: BrokerSource | undefined;
  /** Time, turns and randomness; the runtime's where nothing is said. */
  readonly clock?: ServerClock | undefined;
}

/**
 * Judges a client's token; see `PrismOptions.authenticate`.
 *
 * @param token what the client gave; `undefined` from one that has none, which its session may do for
 * @param connection its connection, to which nothing has come yet
 * @param session its session
 */
export type Authenticate<S = Shape> = (
  token: string | undefined,
  connection: ConnectionHandle<ConnectionState<S>>,
  session: Session<SessionData<S>>,
) => AuthenticateResult<S> | Promise<AuthenticateResult<S>>;

/** What `authenticate` says of a client that it lets in. */
export interface Authenticated<State> {
  /** The state of its connection, in place of what it was. */
  readonly state?: State | undefined;
  /** When the token is no longer good, in ms from now or as a `Date`: the client is asked for another in time. */
  readonly expires?: number | Date | undefined;
}

/** What `authenticate` may answer. */
export type AuthenticateResult<S> = Authenticated<ConnectionState<S>> | undefined | void;

/** What `admit` may answer. */
export type AdmitResult<S> = Response | Admitted<ConnectionState<S>> | undefined | void;
