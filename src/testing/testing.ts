/**
 * Tools for testing services: a client and an app joined in memory, and a check that a client half can be written into a
 * generated client.
 *
 * @module
 */
export { assertSelfContained } from "./assert-self-contained.ts";
export type * from "./assert-self-contained.ts";
export { connectInMemory } from "./connect-in-memory.ts";
export type * from "./connect-in-memory.ts";
export { createSocketPair } from "../socket/pair.ts";
export type { Socket } from "../socket/socket.ts";
export type { Clock, Timer } from "../wire/clock.ts";
