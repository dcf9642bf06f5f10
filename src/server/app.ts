import type { BuildClientOptions } from "../http/client-module.ts";
import type { ClientTypesOptions } from "../http/client-types.ts";
import type { TypesOf } from "../service/app.ts";
import type { SessionData, Shape } from "../service/contexts.ts";
import type { AppEvents, EventBus } from "../service/hosts.ts";
import type { Middleware } from "../service/middleware.ts";
import type { Asset } from "../service/asset.ts";
import type { Service, ServiceTypes } from "../service/service.ts";
import type { RequestSession } from "../session/request-session.ts";
import type { PeerInfo, Servable } from "./admission.ts";

/** The types of a service that fits an app of this shape. */
export interface FittingTypes<S> extends ServiceTypes {
  /** Takes the app's shape. */
  readonly needs: (shape: S) => void;
}

/** What each service's server half gives. */
export type ServerApis<Registered> = {
  readonly [Name in keyof Registered]: TypesOf<Registered[Name]> extends { readonly server: infer Api } ? Api : never;
};

/** The events that services add. Behind a function's arrow, since one service that adds none would make the union `unknown`. */
export type EventsOfServices<Registered> = {
  [Name in keyof Registered]: TypesOf<Registered[Name]> extends { readonly events: infer Events }
    ? (one: Events) => void
    : never;
}[keyof Registered] extends (all: infer All) => void
  ? All
  : never;

/** Counts since the app was made. */
export interface AppStats {
  /** Connections that live now, those included that wait for a socket. */
  readonly connections: number;
  /** Connections that wait for a socket. */
  readonly suspended: number;
  /** Frames that came in. */
  readonly received: number;
  /** Frames that went out. */
  readonly sent: number;
}

/** What a service is told that is made by a function of the app so far. */
export interface AppSoFar<Registered> {
  /** What the services before it give. */
  readonly services: ServerApis<Registered>;
}

/** An app's sessions, for what answers HTTP requests beside it: `sessions(app)`, `expressSession(app)`. */
export interface AppSessions<Data = Record<string, unknown>> {
  /** For the package itself: what `expressSession` goes by. */
  readonly "~gate": unknown;
  /**
   * Opens the session of an HTTP request.
   *
   * @throws {PrismError} `unavailable` if the store failed or took too long
   * @throws {TypeError} if the app keeps no sessions
   */
  open(request: Request): Promise<RequestSession<Data>>;
}

/** An app: a chain whose type knows the services. Made by `prism`. */
export interface Prism<Registered = Record<never, never>, S = Shape> extends Servable {
  /** For types only: what `connect<App>` goes by. */
  readonly "~services"?: Registered | undefined;
  /** What each service's server half gives, by the service's name. */
  readonly services: ServerApis<Registered>;
  /** The app's sessions. */
  readonly sessions: AppSessions<SessionData<S>>;
  /** The app's bus, shared with its services. */
  readonly events: EventBus<AppEvents & EventsOfServices<Registered>>;
  /**
   * Puts middleware before all services, behind what is there.
   *
   * @param middleware sees every message and call before its body is read
   * @returns the app
   * @throws {TypeError} after the first connection
   */
  use(middleware: Middleware<S>): this;
  /**
   * Puts middleware before one service, behind what stands before all of them.
   *
   * @param service the name of a service that is registered already
   * @param middleware sees every message and call to it before its body is read
   * @returns the app
   * @throws {TypeError} for a service that there is not, or after the first connection
   */
  use(service: keyof Registered & string, middleware: Middleware<S>): this;
  /**
   * Registers a service.
   *
   * @param name 1 to 64 letters, digits, `_`, `$` and `-`: the client has the service under it
   * @param service the service, or a function of the app so far that makes it
   * @returns the app, whose type knows the service
   * @throws {TypeError} for a name that cannot be had or is there already, or after the first connection
   */
  service<const Name extends string, Added extends Service<string, FittingTypes<S>>>(
    name: Name,
    service: Added | ((app: AppSoFar<Registered>) => Added),
  ): Prism<Registered & { readonly [Key in Name]: Added }, S>;
  /**
   * Has the HTTP requests that are not Prism's answered by another handler, as the option `fetch` does: for one that needs
   * the app itself, as a Hono app with `sessions(app)` does.
   *
   * @param fetch answers them
   * @returns the app
   * @throws {TypeError} if there is one already
   */
  mount(fetch: (request: Request, peer: PeerInfo) => Response | Promise<Response>): this;
  /**
   * Writes the client of the app as one ES module.
   *
   * @param options how to write it
   * @returns the module's text
   * @throws {TypeError} for a client half that cannot stand alone
   */
  buildClient(options?: BuildClientOptions): Promise<string>;
  /**
   * Writes the declaration file of that client.
   *
   * @param options where the app's type is
   * @returns the text of a `.d.ts`
   */
  buildClientTypes(options: ClientTypesOptions): string;
  /** The files of the app and its services, for a build of one's own. */
  assets(): readonly Asset[];
  /** Connections and frames, counted. */
  stats(): AppStats;
}
