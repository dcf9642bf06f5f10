/**
 * Prism on Bun.
 *
 * ```ts
 * import { serve } from "@prismrt/prism/bun";
 * const server = await serve(app, { port: 3000 });
 * ```
 *
 * @see https://bun.com/docs/api/websockets
 * @see https://bun.com/docs/api/http
 * @module
 */
import type { Admission, PeerInfo, Servable, TransportLimits } from "../src/server/admission.ts";
import { serverClock } from "../src/server/clock.ts";
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
import { BunSocket, type BunWebSocket } from "./bun-socket.ts";

export type { Admission, BunWebSocket, PeerInfo, Servable, ServeOptions, Serving, Socket, TlsOptions, TransportLimits };

/** What {@linkcode handlers} takes. */
export interface BunHandlerOptions {
  /** Offers permessage-deflate. Off unless given. */
  readonly compression?: boolean | undefined;
}

/** What {@linkcode serve} takes. */
export interface BunServeOptions extends ServeOptions, BunHandlerOptions {}

/** What is used of Bun's `Server`. */
export interface BunServer {
  /** Upgrades a request; false if its peer has gone or did not ask properly. */
  upgrade(request: Request, options: { headers: Headers; data: unknown }): boolean;
  /** Tells a peer's address. */
  requestIP(request: Request): { readonly address: string } | null;
}

/** Prism's handlers for `Bun.serve`. */
export interface BunHandlers {
  /** Answers every request: Prism's upgrades with a WebSocket, all others with `app.fetch`. */
  readonly fetch: (request: Request, server: BunServer) => Promise<Response | undefined>;
  /** Serves Prism's sockets. */
  readonly websocket: BunWebSocketHandler;
}

/** The member `websocket` of {@linkcode BunHandlers}: what Bun calls, and its settings. */
export interface BunWebSocketHandler {
  /** Called when a socket is open. */
  readonly open: (ws: BunWebSocket) => void;
  /** Called with each message. */
  readonly message: (ws: BunWebSocket, data: string | Uint8Array) => void;
  /** Called when some of what waited was sent. */
  readonly drain: (ws: BunWebSocket) => void;
  /** Called when a socket is closed. */
  readonly close: (ws: BunWebSocket, code: number, reason: string) => void;
  /** The largest message that is taken, in bytes, after inflating. */
  readonly maxPayloadLength: number;
  /** From how many waiting bytes on Bun drops messages. */
  readonly backpressureLimit: number;
  /** Seconds; 0 is never. */
  readonly idleTimeout: number;
  /** Whether Bun pings. */
  readonly sendPings: boolean;
  /** Whether permessage-deflate is offered. */
  readonly perMessageDeflate: boolean;
}

interface BunRuntime {
  serve(options: BunHandlers & ServeOptions & { idleTimeout: number }): BunServer & {
    readonly port: number;
    stop(force?: boolean): Promise<void>;
  };
}

interface BunProcess {
  on(signal: string, listener: () => void): void;
  off(signal: string, listener: () => void): void;
  listenerCount(signal: string): number;
  exit(code: number): void;
}

declare const Bun: BunRuntime;
declare const process: BunProcess;

// --- the upgrade (the socket is in bun-socket.ts) ---

/**
 * The handlers to give to a `Bun.serve` of one's own.
 *
 * @param app the app
 * @param options see {@linkcode BunHandlerOptions}
 * @returns the handlers
 * @example
 * Bun.serve({ port: 3000, ...handlers(app) });
 */
export function handlers(app: Servable, options: BunHandlerOptions = {}): BunHandlers {
  const handshakes = new Handshakes(app);
  return {
    async fetch(given, server) {
      const request = withHost(given);
      const peer = { remoteAddress: server.requestIP(given)?.address };
      if (!app.isUpgrade(request)) return app.fetch(request, peer);
      const answer = await handshakes.admit(request, peer);
      if (!isAdmission(answer)) return answer;
      const headers = new Headers(answer.headers);
      // Without this header Bun selects the first protocol offered; an empty one is not sent.
      headers.set("sec-websocket-protocol", answer.protocol ?? "");
      const socket = new BunSocket(answer);
      if (server.upgrade(given, { headers, data: socket })) return undefined;
      answer.abandon();
      return new Response("Not a WebSocket handshake", { status: 400 });
    },
    websocket: {
      open: (ws) => (ws.data as BunSocket).handleOpen(ws),
      message: (ws, data) => (ws.data as BunSocket).handleMessage(data),
      drain: (ws) => (ws.data as BunSocket).handleDrain(),
      close: (ws, code, reason) => (ws.data as BunSocket).handleClose(code, reason),
      maxPayloadLength: app.transport.packet,
      // Well above the limit at which Prism itself closes, with a code: here Bun drops.
      backpressureLimit: app.transport.sendLimit * 2 + app.transport.packet,
      idleTimeout: 0, // Prism has a heartbeat of its own.
      sendPings: false,
      perMessageDeflate: options.compression ?? false,
    },
  };
}

/** HTTP/1.0 does not ask for a Host, and health checks send none: then Bun's URL is a path. */
function withHost(request: Request): Request {
  return request.url.startsWith("/") ? new Request(`http://localhost${request.url}`, request) : request;
}

// --- the server ---

const termination = new Termination({
  on: (listener) => process.on("SIGTERM", listener),
  off: (listener) => process.off("SIGTERM", listener),
  others: () => process.listenerCount("SIGTERM") > 0,
  exit: () => process.exit(0),
});

/**
 * Serves an app on Bun.
 *
 * @param app the app
 * @param options where to listen
 * @returns the server, once it listens
 * @throws if it cannot listen there
 */
export async function serve(app: Servable, options: BunServeOptions = {}): Promise<Serving> {
  const { port = DEFAULT_PORT, hostname, tls } = options;
  const idleTimeout = Math.min(255, Math.ceil(app.transport.handshake / 1_000) + 1); // seconds
  const server = Bun.serve({ port, hostname, tls, idleTimeout, ...handlers(app, options) });

  const close = async (): Promise<void> => {
    unwatch();
    const stopped = server.stop();
    await closeInTime(app);
    const cut = serverClock.setTimer(() => void server.stop(true), CLOSE_GRACE);
    await stopped;
    cut.cancel();
  };
  let closing: Promise<void> | undefined;
  const closeOnce = (): Promise<void> => (closing ??= close());
  const unwatch = termination.watch(app, options.drain, closeOnce);
  return { url: toServerUrl(options, server.port), port: server.port, close: closeOnce };
}
