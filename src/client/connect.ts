/**
 * The client: connects to a server and gives its services.
 *
 * @module
 */
import type { ClientHalf } from "../service/service.ts";
import { toClientConnection } from "./client-connection.ts";
import { clientClock } from "./clock.ts";
import { Core } from "./core.ts";
import { webSocketDial, type Dial, type WebSocketConstructor } from "./dial.ts";
import type { Client, ConnectOptions, DefaultHalves, DefaultNames } from "./types.ts";

export type { Call, CallOptions } from "../service/call.ts";
export type { Off } from "../service/emitter.ts";
export type { ConnectionStatus } from "../service/hosts.ts";
export type { Dial } from "./dial.ts";
export type * from "./types.ts";
export { isPrismError, PrismError } from "../wire/errors.ts";

/**
 * Connects to a server. Returns at once: calls wait until the connection is open, and the client tries until it is.
 *
 * @param url where the server is, `ws:`, `wss:`, `http:` or `https:`, or relative to the page; `/prism` where it has
 *   no path
 * @param options the services' client halves, and how to go about it
 * @returns the services by name, and `connection`
 * @throws {TypeError} if the URL cannot be read, or the platform has no WebSocket and there is no `dial`
 * @example const client = connect<App>("ws://localhost:3000", { services: { math: rpc() } });
 */
export function connect<
  App = undefined,
  Name extends string = DefaultNames<App>,
  Halves extends object = DefaultHalves<App, Name>,
>(url: string | URL, options: ConnectOptions<Halves>): Client<App, Name, Halves> {
  const { dial = defaultDial(), clock = clientClock } = options;
  const halves = options.services as unknown as Readonly<Record<string, ClientHalf>>;
  const core = new Core(toSocketUrl(url), halves, options, dial, clock);
  const client: Record<string, unknown> = { connection: toClientConnection(core) };
  for (const [name, slot] of core.services.slots) client[name] = slot.api;
  if (!options.lazy) core.open();
  return client as Client<App, Name, Halves>;
}

function defaultDial(): Dial {
  const { WebSocket } = globalThis as { WebSocket?: WebSocketConstructor };
  if (WebSocket !== undefined) return webSocketDial(WebSocket);
  throw new TypeError("There is no WebSocket here: give a dial, or import @prismrt/prism/client/node");
}

function toSocketUrl(given: string | URL): string {
  const page = (globalThis as { location?: { href: string } }).location?.href;
  const url = new URL(given, page);
  url.protocol = url.protocol.replace("http", "ws");
  if (!/^wss?:/.test(url.protocol)) throw new TypeError(`Not the URL of a server: ${String(given)}`);
  if (url.pathname === "/") url.pathname = "/prism";
  url.hash = "";
  return url.href;
}
