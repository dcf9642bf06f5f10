import type { Socket } from "../socket/socket.ts";

/**
 * How long a message is on its way, in ms: always as long, or for each message a whole number by chance from the first to
 * the second, both included. Whatever it is, none overtakes another.
 */
export type Latency = number | readonly [min: number, max: number];

/** What a line is like, in both directions. */
export interface LineOptions {
  /** How long each message is on its way, in ms: 0, which is the end of the turn. */
  readonly latency?: Latency | undefined;
  /** Bytes that the network takes in a ms; `Infinity` where nothing is said. What it has not taken is in `bufferedAmount`. */
  readonly bandwidth?: number | undefined;
}

/** One direction of a line. */
export interface Direction {
  /** How long each message is on its way from now on. Setting it throws a `RangeError` where it is no time. */
  latency: Latency;
  /** Bytes that the network takes in a ms from now on. Setting it throws a `RangeError` where it is not above 0. */
  bandwidth: number;
  /** How many messages and closings were sent and have not arrived. */
  readonly messages: number;
  /**
   * Has nothing move: nothing arrives, and `bufferedAmount` grows, as with a peer that does not read.
   *
   * @param ms how long, in ms; until `resume` where nothing is said
   */
  stall(ms?: number): void;
  /** Has all move again. What was on its way long enough arrives when the turn is over. */
  resume(): void;
  /** Loses what is under way and all that is sent from now on: the receiver hears nothing, until the line is cut. */
  silence(): void;
}

/** When the ends of a line hear that it is cut. */
export interface CutOptions {
  /** Each end hears of it by chance within so many ms: 0, which is the end of the turn. */
  readonly within?: number | undefined;
}

/** Two sockets, and the network between them. */
export interface Line {
  /** The end that connected: the client's. */
  readonly near: Socket;
  /** The end that was connected to: the server's. */
  readonly far: Socket;
  /** What the far end sends. */
  readonly toNear: Direction;
  /** What the near end sends. */
  readonly toFar: Direction;
  /** Whether an end is neither over nor closing. */
  readonly open: boolean;
  /**
   * Cuts the line. Of what is under way in a direction, its first few arrive, by chance between none and all; then the
   * receiver's `onclose` is called with 1006. What is sent in the meantime is lost.
   *
   * @param options when the ends hear of it
   */
  cut(options?: CutOptions): void;
  /**
   * Has nothing move, in both directions.
   *
   * @param ms how long, in ms; until `resume` where nothing is said
   */
  stall(ms?: number): void;
  /** Has all move again, in both directions. */
  resume(): void;
  /** Has neither end hear anything any more, nor that it is so, until the line is cut. */
  halfOpen(): void;
  /**
   * Ends the line in order, as a proxy does: what is under way arrives, then both ends hear the code.
   *
   * @param code the close code; 1001 where nothing is said
   * @param reason what is said with it
   */
  close(code?: number, reason?: string): void;
}

/** Throws a `RangeError` where it is no latency. */
export function checkLatency(latency: Latency): void {
  const [min, max] = typeof latency === "number" ? [latency, latency] : latency;
  if (!(min >= 0 && min <= max && max < Infinity)) throw new RangeError(`Latency of ${String(latency)} ms`);
}

/** Throws a `RangeError` where it is no bandwidth. */
export function checkBandwidth(bandwidth: number): void {
  if (!(bandwidth > 0)) throw new RangeError(`Bandwidth of ${bandwidth} bytes/ms`);
}

/** How long one message is on its way. */
export function drawLatency(latency: Latency, random: () => number): number {
  if (typeof latency === "number") return latency;
  const [min, max] = latency;
  return min + Math.floor(random() * (max - min + 1));
}
