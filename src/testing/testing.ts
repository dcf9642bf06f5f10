/**
 * Tools for testing services: a client and an app joined in memory, a clock that the test moves, a network that it
 * delays, stalls and cuts, and a check that a client half can be written into a generated client.
 *
 * @module
 */
export { assertSelfContained } from "./assert-self-contained.ts";
export type * from "./assert-self-contained.ts";
export { connectInMemory } from "./connect-in-memory.ts";
export type * from "./connect-in-memory.ts";
export { FakeClock } from "./fake-clock.ts";
export type * from "./fake-clock.ts";
export type { CutOptions, Direction, Latency, Line, LineOptions } from "./line.ts";
export { createNetwork } from "./network.ts";
export type * from "./network.ts";
export { createSocketPair } from "../socket/pair.ts";
export type { ServerClock } from "../server/clock.ts";
export type { Socket } from "../socket/socket.ts";
export type { Clock, Timer } from "../wire/clock.ts";
