/**
 * Prism: realtime services over one connection, the same on Node, Bun and Deno. This is the server's front door.
 *
 * @module
 */
export { prism } from "./src/server/prism.ts";
export type * from "./src/server/admission.ts";
export type * from "./src/server/app.ts";
export type { Log, LogEntry, LogFields, LogLevel } from "./src/server/log.ts";
export type * from "./src/server/options.ts";
export type * from "./src/broker/broker.ts";
export { memory } from "./src/broker/memory.ts";
export type {
  ChannelFeed,
  ChannelRoster,
  Channels,
  PublishOptions as ChannelPublishOptions,
} from "./src/broker/channels.ts";
export type { FeedListener } from "./src/broker/feed.ts";
export type { Recovery } from "./src/broker/recovery.ts";
export type { RosterListener } from "./src/broker/roster.ts";
export type { Handover } from "./src/handover/handover.ts";
export type { ServerClock } from "./src/server/clock.ts";
export type { TrustProxy } from "./src/server/front.ts";
export type { AllowedOrigins, OriginJudge, OriginOptions, Origins } from "./src/server/origins.ts";
export type { BuildClientOptions } from "./src/http/client-module.ts";
export type { ClientTypesOptions } from "./src/http/client-types.ts";
export { defineClient, defineService } from "./src/service/service.ts";
export type * from "./src/service/asset.ts";
export type * from "./src/service/service.ts";
export type * from "./src/service/app.ts";
export type { Call, CallOptions } from "./src/service/call.ts";
export type * from "./src/service/contexts.ts";
export type { Off } from "./src/service/emitter.ts";
export type { ItemSource } from "./src/service/items.ts";
export type * from "./src/service/union.ts";
export type * from "./src/service/hosts.ts";
export type { Json, JsonObject, JsonValue, NotFunction, NotFunctionObject } from "./src/service/json-type.ts";
export type * from "./src/service/middleware.ts";
export type * from "./src/service/schema.ts";
export type { CookieOptions } from "./src/session/cookie.ts";
export type { KeyValueStorage, StorageDriver, StorageMount } from "./src/session/key-value-storage.ts";
export type { SessionOptions } from "./src/session/options.ts";
export type { RequestSession } from "./src/session/request-session.ts";
export type { Session } from "./src/session/session.ts";
export type { DeadSession, SessionRecord, SessionStore } from "./src/session/session-store.ts";
export type { Socket } from "./src/socket/socket.ts";
export type { Clock, Timer } from "./src/wire/clock.ts";
export type { AnyCodec, Codec, CodecName } from "./src/wire/codecs.ts";
export { isPrismError, PrismError, type PrismErrorCode } from "./src/wire/errors.ts";
export type { Body } from "./src/wire/frames.ts";
export { defaultLimits, type Limits } from "./src/wire/limits.ts";
