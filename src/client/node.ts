/**
 * The client for Node before 22, which has no WebSocket of its own: the same `connect`, over the `ws` package there.
 *
 * @module
 */
// @ts-types="npm:@types/ws"
import { WebSocket as Ws } from "ws";
import { connect as connectAnywhere } from "./connect.ts";
import { webSocketDial, type WebSocketConstructor } from "./dial.ts";
import type { Client, ConnectOptions, DefaultHalves, DefaultNames } from "./types.ts";

export * from "./connect.ts";

/**
 * Connects to a server: see `connect` of `@prismrt/prism/client`.
 *
 * @param url where the server is
 * @param options the services' client halves, and how to go about it
 * @returns the services by name, and `connection`
 */
export function connect<
  App = undefined,
  Name extends string = DefaultNames<App>,
  Halves extends object = DefaultHalves<App, Name>,
>(url: string | URL, options: ConnectOptions<Halves>): Client<App, Name, Halves> {
  const native = (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
  return connectAnywhere<App, Name, Halves>(url, {
    ...options,
    dial: options.dial ?? webSocketDial(native ?? Ws),
  });
}
