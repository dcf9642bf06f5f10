import type { Clock } from "../wire/clock.ts";
import type { Frame } from "../wire/frames.ts";
import type { CallsOptions } from "./calls.ts";
import type { LoadLimits } from "./load.ts";
import type { Reminder } from "./reminder.ts";
import type { ServerCallsOptions } from "./server-calls.ts";
import type { Volley } from "./volley.ts";

/** How much may be kept, and how much may wait. */
export interface OutboxLimits {
  /** Frames that are kept for a next socket. */
  readonly replayFrames: number;
  /** What they may weigh, in bytes or characters. */
  readonly replayLimit: number;
}

/** How much may be kept, and wait, at an end that does not answer for what it sends. */
export interface ServerOutboxLimits extends OutboxLimits {
  /** What may wait to be given to a socket, in bytes or characters; `Infinity` where it does not matter. */
  readonly sendLimit: number;
}

/** An outbox as another server takes it up. */
export interface ParkedOutbox {
  /** Counted frames given to a socket, modulo 2^31. */
  readonly sent: number;
  /** The same, but it does not go round. */
  readonly total: number;
  /** Those of them that the peer has acknowledged, modulo 2^31. */
  readonly acknowledged: number;
  /** Whether the peer is known to acknowledge. */
  readonly heard: boolean;
  /** The last of them: those that are not acknowledged, as far as they were not forgotten. */
  readonly kept: readonly Frame[];
  /** Frames that no socket was given yet. */
  readonly waiting: readonly Frame[];
}

/** What a connection needs to know of its end. */
export interface ConnectionOptions extends CallsOptions, OutboxLimits {
  readonly clock: Clock;
  /** Tells when what was received is to be acknowledged at the latest. */
  readonly reminder: Pick<Reminder, "add" | "delete">;
}

/** What a server's connection needs to know. */
export interface ServerConnectionOptions extends ConnectionOptions, ServerCallsOptions, LoadLimits, ServerOutboxLimits {
  /** What many are sent alike during this turn, the connection's receiver among them, where there is such a thing. */
  readonly volley?: Volley | undefined;
  /** Whether the peer is known to acknowledge. */
  readonly heard: boolean;
}

/** A connection as another server takes it up. */
export interface ParkedConnection extends ParkedOutbox {
  /** Counted frames received, modulo 2^31. */
  readonly received: number;
  /** The numbers of this end's calls that the peer has not ended. */
  readonly taken: readonly number[];
}
