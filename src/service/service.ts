import type { AnyCodec, Codec, CodecName } from "../wire/codecs.ts";
import type { Asset } from "./asset.ts";
import type { ClientHost, ServerHost } from "./hosts.ts";
import type { Shape } from "./contexts.ts";
import { prepareCodecs } from "./prepare-codecs.ts";
import type { SchemaInput, SchemaOutput, StandardSchema } from "./schema.ts";

/** The types that a service stands for. None of it exists at run time. */
export interface ServiceTypes {
  /** What its client half gives the client. */
  readonly client: unknown;
  /** What `connect` wants as its client half. */
  readonly half: unknown;
  /** What its server half gives the app. */
  readonly server: unknown;
  /** Takes the shape that its handlers need: an app that has less does not fit. */
  readonly needs: (shape: never) => void;
  /** The events that it adds to the app's bus. */
  readonly events: unknown;
}

/** The client half of a service: what `connect` runs, or what is written into a generated client. */
export interface ClientHalf<Kind extends string = string, Api = unknown> {
  /** Names the protocol that both halves speak. */
  readonly kind: Kind;
  /** How its values become bodies, as `defineClient` and `defineService` leave it; JSON where nothing is said. */
  readonly codec?: CodecName | AnyCodec | undefined;
  /** How calls' bodies are written where that differs from all others. */
  readonly callCodec?: AnyCodec | undefined;
  /** How messages are written where that differs from all others. */
  readonly messageCodec?: AnyCodec | undefined;
  /** Makes what the client's user gets. */
  readonly client: (host: never) => Api;
}

/** A service: a plain object with two halves. Made by `defineService`, or by a function like `rpc`. */
export interface Service<Kind extends string = string, Types extends ServiceTypes = ServiceTypes> {
  /** Names the protocol that both halves speak. */
  readonly kind: Kind;
  /** How its values become bodies; JSON where nothing is said. */
  readonly codec?: CodecName | AnyCodec | undefined;
  /** How calls' bodies are written where that differs from all others. */
  readonly callCodec?: AnyCodec | undefined;
  /** How messages are written where that differs from all others. */
  readonly messageCodec?: AnyCodec | undefined;
  /** Validates what clients send, messages and calls. */
  readonly up?: StandardSchema | undefined;
  /** What the client half needs to start: JSON, the same for all connections. */
  readonly init?: unknown;
  /** Files of its own. */
  readonly assets?: readonly Asset[] | undefined;
  /** The client half, or the name of a built-in one, for generated clients. */
  readonly client: ((host: never) => unknown) | string;
  /** Makes what the app gets under `app.services`. Called once, when the service is registered. */
  readonly server: (host: never) => unknown;
  /** For types only. */
  readonly "~types"?: Types | undefined;
}

/** The type of the bodies of a codec, by its name. */
export type ValueOf<Name> = Name extends "text" ? string : Name extends "bytes" ? Uint8Array : unknown;

/** The type of a service's bodies: its schema's, else its codec's. */
export type BodyOf<Value, S, Side extends "input" | "output"> = S extends StandardSchema
  ? Side extends "input"
    ? SchemaInput<S>
    : SchemaOutput<S>
  : Value;

/** The event types of a service's `events` schemas. */
export type EventsOf<E> = { readonly [Name in keyof E]: SchemaOutput<E[Name]> };

/** What `defineService` takes. */
export interface ServiceDefinition<Kind, Name, Value, Up, Down, Events, ClientApi, ServerApi, S> {
  /** Names the protocol that both halves speak. */
  readonly kind: Kind;
  /** How values become bodies: `json` (where nothing is said), `text`, `bytes`, or a codec of one's own. */
  readonly codec?: Name | Codec<Value> | undefined;
  /** What clients send, messages and calls; each is validated before the server half sees it. */
  readonly up?: Up | undefined;
  /** What clients get, for types. */
  readonly down?: Down | undefined;
  /** Events that it adds to the app's bus, each with a schema for its type. */
  readonly events?: Events | undefined;
  /** Files of its own, served below `/prism/assets/`. */
  readonly assets?: readonly Asset[] | undefined;
  /** What the client half needs to start, as `host.init`: JSON, the same for all connections. */
  readonly init?: unknown;
  /** Makes what the client's user gets. To be written into a generated client it must stand alone. */
  readonly client: (host: ClientHost<BodyOf<Value, Up, "input">, BodyOf<Value, Down, "input">>) => ClientApi;
  /** Makes what the app gets under `app.services`. Called once, when the service is registered. */
  readonly server: (
    host: ServerHost<BodyOf<Value, Up, "output">, BodyOf<Value, Down, "input">, S, EventsOf<Events>>,
  ) => ServerApi;
}

/** The type of what `defineService` makes: a service, and its own client half at once. */
export interface DefinedService<Kind extends string, ClientApi, ServerApi, S, Events> extends Service<
  Kind,
  {
    readonly client: ClientApi;
    readonly half: ClientHalf<Kind, ClientApi>;
    readonly server: ServerApi;
    readonly needs: (shape: S) => void;
    readonly events: Events;
  }
> {
  /** Makes what the client's user gets. */
  readonly client: (host: never) => ClientApi;
}

/** `defineService`, for handlers that need a shape. */
export interface DefineService<S> {
  /**
   * Declares a service.
   *
   * @param definition its two halves, and what travels between them
   * @returns the service, for `app.service(name, …)`; it is a client half as well, for `connect`
   * @throws {TypeError} if a half is missing, or for the name of a codec that there is not
   */
  <
    const Kind extends string,
    ClientApi,
    ServerApi,
    Name extends CodecName = "json",
    Value = ValueOf<Name>,
    Up = undefined,
    Down = undefined,
    Events extends Readonly<Record<string, StandardSchema>> = Record<never, never>,
  >(
    definition: ServiceDefinition<Kind, Name, Value, Up, Down, Events, ClientApi, ServerApi, S>,
  ): DefinedService<Kind, ClientApi, ServerApi, S, EventsOf<Events>>;
  /** The same for handlers that need what this shape says of sessions and connections. */
  with<Needed extends Shape>(): DefineService<Needed>;
}

function define(definition: object): never {
  const { kind, client, server } = definition as Partial<Service>;
  if (typeof kind !== "string" || typeof client !== "function" || typeof server !== "function") {
    throw new TypeError("A service needs a kind, a client and a server");
  }
  return prepareCodecs(definition) as never;
}

/** Declares a service of one's own: see {@linkcode DefineService}. */
export const defineService: DefineService<Shape> = /* @__PURE__ */ Object.assign(define, {
  with: () => defineService as never,
});

/** What `defineClient` takes. */
export interface ClientDefinition<Kind, Name, Value, Up, Down, ClientApi> {
  /** Names the protocol that both halves speak. */
  readonly kind: Kind;
  /** How values become bodies: `json` (where nothing is said), `text`, `bytes`, or a codec of one's own. */
  readonly codec?: Name | Codec<Value> | undefined;
  /** What clients send, for types, and for the server half to validate. */
  readonly up?: Up | undefined;
  /** What clients get, for types. */
  readonly down?: Down | undefined;
  /** Makes what the client's user gets. */
  readonly client: (host: ClientHost<BodyOf<Value, Up, "input">, BodyOf<Value, Down, "input">>) => ClientApi;
}

/**
 * Declares a client half by itself, in a file that does not bring the server half along. The service is then
 * `defineService({ ...half, server })`.
 *
 * @param definition the half, and what travels
 * @returns the same, for `connect` and for `defineService`
 * @throws {TypeError} for the name of a codec that there is not
 */
export function defineClient<
  const Kind extends string,
  ClientApi,
  Name extends CodecName = "json",
  Value = ValueOf<Name>,
  Up = undefined,
  Down = undefined,
>(
  definition: ClientDefinition<Kind, Name, Value, Up, Down, ClientApi>,
): ClientDefinition<Kind, Name, Value, Up, Down, ClientApi> {
  return prepareCodecs(definition);
}
