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
import { admitInTime, isAdmission } from "../src/server/handshake.ts";
import {
  CLOSE_GRACE,
  closeInTime,
  DEFAULT_PORT,
  type ServeOptions,
  type Serving,
  type TlsOptions,
  toServerUrl,
} from "../src/server/serving.ts";
import type { Socket } from "../src/socket/socket.ts";

export type { Admission, PeerInfo, Servable, ServeOptions, Serving, Socket, TlsOptions, TransportLimits };

/** What {@linkcode handlers} takes. */
export interface BunHandlerOptions {
  /** Offers permessage-deflate. Off unless given. */
  readonly compression?: boolean | undefined;
}

/** What {@linkcode serve} takes. */
export interface BunServeOptions extends ServeOptions, BunHandlerOptions {}

/** What is used of Bun's `ServerWebSocket`. */
export interface BunWebSocket {
  /** What the upgrade was given. */
  readonly data: unknown;
  /** Sends a message; answers the bytes sent, -1 if they wait, 0 if they were dropped. */
  send(data: string | Uint8Array): number;
  /** Sends a close frame. */
  close(code?: number, reason?: string): void;
  /** Cuts the connection. */
  terminate(): void;
  /** How many bytes wait. */
  getBufferedAmount(): number;
}

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

declare const Bun: BunRuntime;

// --- the socket ---

const ignore = (): void => {};

// What Bun finds wrong it says in words, beside code 1006, though it tells the peer the right one.
const complaints: ReadonlyMap<string, number> = new Map([
  ["Received too big message", 1009],
  ["Received invalid UTF-8", 1007],
]);

class BunSocket implements Socket {
  readonly protocol: string | undefined;
  onmessage: (data: string | Uint8Array) => void = ignore;
  onclose: (code: number, reason: string) => void = ignore;
  ondrain: () => void = ignore;

  readonly admission: Admission;
  #ws!: BunWebSocket;
  #closed = false;
  #closing = false; // within our own close or send, from which Bun calls its handler

  constructor(admission: Admission) {
    this.admission = admission;
    this.protocol = admission.protocol;
  }

  get bufferedAmount(): number {
    return this.#closed ? 0 : this.#ws.getBufferedAmount();
  }

  send(data: string | Uint8Array): void {
    if (this.#closed) return;
    // An empty message counts 0 bytes, too.
    if (this.#ws.send(data) !== 0 || data.length === 0) return;
    this.#closed = this.#closing = true;
    this.#ws.terminate();
    this.#closing = false;
  }

  close(code?: number, reason?: string): void {
    if (this.#closed) return;
    this.#closed = this.#closing = true;
    this.#ws.close(code, reason);
    this.#closing = false;
  }

  handleOpen(ws: BunWebSocket): void {
    this.#ws = ws;
    this.admission.open(this);
  }

  handleMessage(data: string | Uint8Array): void {
    if (this.#closed) return;
    this.onmessage(typeof data === "string" ? data : new Uint8Array(data.buffer, data.byteOffset, data.length));
  }

  handleDrain(): void {
    if (!this.#closed && this.#ws.getBufferedAmount() === 0) this.ondrain();
  }

  handleClose(code: number, reason: string): void {
    this.#closed = true;
    const actual = code === 1006 && reason.startsWith("Received ") ? (complaints.get(reason) ?? 1002) : code;
    if (this.#closing) serverClock.afterTurn(() => this.onclose(actual, reason));
    else this.onclose(actual, reason);
  }
}

// --- the upgrade ---

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
  return {
    async fetch(request, server) {
      const peer = { remoteAddress: server.requestIP(request)?.address };
      if (!app.isUpgrade(request)) return app.fetch(request, peer);
      const answer = await admitInTime(app, request, peer);
      if (!isAdmission(answer)) return answer;
      const headers = new Headers(answer.headers);
      // Without this header Bun selects the first protocol offered; an empty one is not sent.
      headers.set("sec-websocket-protocol", answer.protocol ?? "");
      const socket = new BunSocket(answer);
      if (server.upgrade(request, { headers, data: socket })) return undefined;
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

// --- the server ---

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
    const stopped = server.stop();
    await closeInTime(app);
    const cut = serverClock.setTimer(() => void server.stop(true), CLOSE_GRACE);
    await stopped;
    cut.cancel();
  };
  let closing: Promise<void> | undefined;
  return { url: toServerUrl(options, server.port), port: server.port, close: () => (closing ??= close()) };
}
