/**
 * Prism on Node.js, 20 and later.
 *
 * ```ts
 * import { serve } from "@prismrt/prism/node";
 * const server = await serve(app, { port: 3000 });
 * ```
 *
 * @see https://nodejs.org/api/http.html#event-upgrade_1
 * @see https://github.com/websockets/ws/blob/master/doc/ws.md
 * @module
 */
import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import { createServer as createSecureServer, type Server as SecureServer } from "node:https";
import type { AddressInfo, Socket as TcpSocket } from "node:net";
import process from "node:process";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
// @ts-types="npm:@types/ws"
import { WebSocketServer } from "ws";
import type { Admission, PeerInfo, Servable, TransportLimits } from "../src/server/admission.ts";
import { Handshakes, isAdmission } from "../src/server/handshake.ts";
import {
  CLOSE_GRACE,
  closeInTime,
  DEFAULT_PORT,
  type ServeOptions,
  type Serving,
  Termination,
  type TlsOptions,
  toServerUrl,
} from "../src/server/serving.ts";
import type { Socket } from "../src/socket/socket.ts";
import { NodeSocket } from "./node-socket.ts";

export type { Admission, PeerInfo, Servable, ServeOptions, Serving, Socket, TlsOptions, TransportLimits };

/** What {@linkcode attach} takes. */
export interface NodeAttachOptions {
  /** Offers permessage-deflate, to messages of at least `threshold` bytes (1,024 unless given). Off unless given. */
  readonly compression?: boolean | { readonly threshold?: number | undefined } | undefined;
}

/** What {@linkcode serve} takes. */
export interface NodeServeOptions extends ServeOptions, NodeAttachOptions {}

/** A server that Prism listens on beside its owner. */
export interface Attachment {
  /** Takes no more upgrades. Connections go on until the app is closed. */
  detach(): void;
}

/** A listener for the `request` event of Node's servers. */
export type NodeListener = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>;

// --- the upgrade (the socket is in node-socket.ts) ---

const ignore = (): void => {};

interface Upgrades extends Attachment {
  /** The TCP sockets that were upgraded or are about to be. */
  readonly sockets: ReadonlySet<Duplex>;
}

/** How long a refused peer has to read its refusal, in ms. */
const LINGER = 1_000;

function takeUpgrades(app: Servable, server: Server | SecureServer, options: NodeAttachOptions): Upgrades {
  const { compression = false } = options;
  const { packet, handshake } = app.transport;
  const settings = {
    noServer: true,
    clientTracking: false,
    maxPayload: packet, // counts what is inflated, too
    maxFragments: 1_024,
    maxBufferedChunks: 16_384,
    closeTimeout: handshake,
    // Without takeover there is no window of 32 KiB to keep for each direction of each connection.
    perMessageDeflate: compression && {
      threshold: (compression !== true && compression.threshold) || 1_024,
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
    },
  };
  let protocol: string | undefined; // of the upgrade in hand: handleUpgrade is synchronous
  let headers: Headers | undefined;
  const wss = new WebSocketServer({ ...settings, handleProtocols: () => protocol ?? false });
  wss.on("headers", (lines) => headers?.forEach((value, name) => lines.push(`${name}: ${value}`)));

  const handshakes = new Handshakes(app);
  const sockets = new Set<Duplex>();
  const untrack = function (this: Duplex): void {
    sockets.delete(this);
  };
  const upgrade = async (request: Request, incoming: IncomingMessage, raw: Duplex, head: Buffer): Promise<void> => {
    sockets.add(raw);
    raw.on("close", untrack);
    const answer = await handshakes.admit(request, toPeer(incoming));
    if (!isAdmission(answer)) return toListener(() => answer)(incoming, toResponse(incoming, raw));
    ({ protocol, headers } = answer);
    let opened = false;
    try {
      if (!raw.destroyed)
        wss.handleUpgrade(incoming, raw, head, (ws) => {
          opened = true;
          // `ws` listens to it from now on, and says when it is closed.
          raw.off("close", untrack).off("error", ignore);
          answer.open(new NodeSocket(ws, raw, sockets));
        });
    } catch {
      // Another listener of the owner's took it.
    }
    if (!opened) answer.abandon();
  };
  const listener = (incoming: IncomingMessage, raw: Duplex, head: Buffer): void => {
    // Node no longer listens to this socket. It closes itself after an error, at whatever moment.
    raw.on("error", ignore);
    const request = toRequest(incoming);
    if (request && app.isUpgrade(request)) void upgrade(request, incoming, raw, head);
    else if (server.listenerCount("upgrade") === 1) {
      // As Node does when nobody listens for upgrades; clients ask for h2c, say, and do without. It reads no body, though.
      const outgoing = toResponse(incoming, raw);
      if (incoming.method === "GET" || incoming.method === "HEAD") server.emit("request", incoming, outgoing);
      else outgoing.writeHead(501).end();
    }
  };
  server.on("upgrade", listener);
  return { sockets, detach: () => void server.off("upgrade", listener) };
}

/** The upgrade request without its host, which the peer chose; nothing if it is none that could be ours. */
function toRequest(incoming: IncomingMessage): Request | undefined {
  const { method, url = "", rawHeaders } = incoming;
  if (method !== "GET" || !url.startsWith("/")) return undefined;
  const headers = new Headers();
  try {
    for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
    return new Request(`${"encrypted" in incoming.socket ? "https" : "http"}://localhost${url}`, { headers });
  } catch {
    return undefined; // Node's parser may let pass what `Headers` does not.
  }
}

function toListener(
  answer: (request: Request, incoming: IncomingMessage) => Response | Promise<Response>,
): NodeListener {
  return getRequestListener((request, { incoming }) => answer(request, incoming as IncomingMessage), {
    overrideGlobalObjects: false,
    hostname: "localhost", // HTTP/1.0 does not ask for a Host, and health checks send none.
  });
}

function toPeer(incoming: IncomingMessage): { remoteAddress: string | undefined } {
  return { remoteAddress: incoming.socket.remoteAddress };
}

/** The response to an upgrade request that is answered like a plain one; hangs up after it. */
function toResponse(incoming: IncomingMessage, raw: Duplex): ServerResponse {
  const outgoing = new ServerResponse(incoming);
  outgoing.shouldKeepAlive = false;
  outgoing.assignSocket(raw as TcpSocket);
  outgoing.once("finish", () => {
    outgoing.detachSocket(raw as TcpSocket);
    raw.end();
    raw.resume(); // Closing with unread data would reset the connection, and the answer be lost.
    setTimeout(() => raw.destroy(), LINGER).unref();
  });
  return outgoing;
}

/**
 * Takes Prism's upgrades from a server that somebody else owns. Its other upgrades and all of its requests are left
 * alone; {@linkcode requestListener} answers Prism's.
 *
 * @param app the app
 * @param server the server, listening or not
 * @param options see {@linkcode NodeAttachOptions}
 * @returns what takes it back
 * @example
 * const server = createServer(express().use(requestListener(app)));
 * attach(app, server);
 */
export function attach(app: Servable, server: Server | SecureServer, options: NodeAttachOptions = {}): Attachment {
  const upgrades = takeUpgrades(app, server, options);
  return { detach: () => upgrades.detach() };
}

/**
 * What answers plain HTTP requests with the app.
 *
 * @param app the app
 * @returns the listener
 */
export function requestListener(app: Servable): NodeListener {
  return toListener((request, incoming) => app.fetch(request, toPeer(incoming)));
}

// --- the server ---

const termination = new Termination({
  on: (listener) => void process.on("SIGTERM", listener),
  off: (listener) => void process.off("SIGTERM", listener),
  others: () => process.listenerCount("SIGTERM") > 0,
  exit: () => process.exit(0),
});

/**
 * Serves an app on Node.
 *
 * @param app the app
 * @param options where to listen
 * @returns the server, once it listens
 * @throws if it cannot listen there
 */
export async function serve(app: Servable, options: NodeServeOptions = {}): Promise<Serving> {
  const { port = DEFAULT_PORT, hostname, tls } = options;
  const { handshake } = app.transport;
  const listener = requestListener(app);
  const times = { headersTimeout: handshake, connectionsCheckingInterval: Math.ceil(handshake / 2) };
  const server = tls
    ? createSecureServer({ ...times, handshakeTimeout: handshake, key: tls.key, cert: tls.cert }, listener)
    : createServer(times, listener);
  const { sockets } = takeUpgrades(app, server, options);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: hostname }, () => {
      server.off("error", reject);
      server.on("error", ignore); // Out of file descriptors, say: those who are connected go on.
      resolve();
    });
  });

  const close = async (): Promise<void> => {
    unwatch();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await closeInTime(app);
    const cut = setTimeout(() => {
      server.closeAllConnections();
      for (const raw of sockets) raw.destroy();
    }, CLOSE_GRACE);
    await closed;
    clearTimeout(cut);
  };
  let closing: Promise<void> | undefined;
  const closeOnce = (): Promise<void> => (closing ??= close());
  const unwatch = termination.watch(app, options.drain, closeOnce);
  const address = server.address() as AddressInfo;
  return { url: toServerUrl(options, address.port), port: address.port, close: closeOnce };
}
