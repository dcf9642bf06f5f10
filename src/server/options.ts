import type { ConnectionState, Shape } from "../service/contexts.ts";
import type { ServiceStorage } from "../service/hosts.ts";
import type { Asset } from "../service/asset.ts";
import type { Limits } from "../wire/limits.ts";
import type { PeerInfo } from "./admission.ts";
import type { ServerClock } from "./clock.ts";
import type { Log } from "./log.ts";

/** What `admit` may say of a client that it lets in. */
export interface Admitted<State> {
  /** The state of its connection. */
  readonly state?: State | undefined;
  /** Headers for the response to its upgrade, cookies say. */
  readonly headers?: Headers | Record<string, string> | undefined;
}

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
   * Judges a client before its socket is opened: a `Response` refuses it, anything else lets it in.
   *
   * @param request the upgrade request
   * @param peer what the runtime knows of the client
   */
  readonly admit?: ((request: Request, peer: PeerInfo) => AdmitResult<S> | Promise<AdmitResult<S>>) | undefined;
  /** Answers the HTTP requests that are not Prism's. 404 where nothing is said. */
  readonly fetch?: ((request: Request, peer: PeerInfo) => Response | Promise<Response>) | undefined;
  /** Time, turns and randomness; the runtime's where nothing is said. */
  readonly clock?: ServerClock | undefined;
}

/** What `admit` may answer. */
export type AdmitResult<S> = Response | Admitted<ConnectionState<S>> | undefined | void;
