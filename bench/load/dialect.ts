import type { Message } from "./frames.ts";

/** What a call carries: JSON text, or bytes. */
export type Body = string | Uint8Array;

/** A step of what a client and a server say to each other at first. */
export interface Step {
  /** What the client says as the step begins. */
  readonly say?: readonly Message[];
  /** Whether a message of the server's ends the step; where this is left out, it ends at once. */
  readonly until?: (message: string) => boolean;
}

/** How calls of a procedure that gives back what it is given are written and read. */
export interface Rpc {
  /** Whether replies bear no id and come in the order of the requests. All ids are then 0. */
  readonly ordered?: boolean;
  /** The messages that ask for these ids, as the system's own client writes them when it is asked for all in one turn. */
  requests(ids: readonly number[]): readonly Message[];
  /**
   * The ids of the replies in a message, none where it is something else.
   *
   * @throws {Error} A reply is not what was asked for
   */
  replies(message: Message): readonly number[];
}

/** How a message goes to everybody in a room. */
export interface PubSub {
  /** How a client comes into the room, after `hello`. */
  readonly join: readonly Step[];
  /** The messages that publish a text. */
  publish(text: string): readonly Message[];
  /** How many publications of a text a message holds. */
  deliveries(message: Message, text: string): number;
  /** What stands between two publications, where a message may hold several. */
  readonly separator?: string;
}

/** What a client of a system puts into WebSocket messages. */
export interface Dialect {
  readonly path: string;
  readonly subprotocol?: string;
  readonly hello: readonly Step[];
  /** What a server's sign of life is answered with, where it is a message. */
  readonly pong?: (message: string) => string | undefined;
  /** The message that acknowledges so many replies, where the server wants to know. */
  readonly acknowledge?: (count: number) => string;
  /** Calls that carry this; nothing where the system cannot carry it. */
  readonly rpc?: (body: Body) => Rpc | undefined;
  readonly pubsub?: PubSub;
}
