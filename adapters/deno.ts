/**
 * Prism on Deno.
 *
 * ```ts
 * import { serve } from "@prismrt/prism/deno";
 * const server = await serve(app, { port: 3000 });
 * ```
 *
 * @see https://docs.deno.com/api/deno/~/Deno.upgradeWebSocket
 * @see https://docs.deno.com/api/deno/~/Deno.serve
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
  Termination,
  type TlsOptions,
  toServerUrl,
} from "../src/server/serving.ts";
import type { Socket } from "../src/socket/socket.ts";
import { fromWebSocket, type StandardWebSocket } from "../src/socket/web-socket.ts";

export type { Admission, PeerInfo, Servable, ServeOptions, Serving, Socket, TlsOptions, TransportLimits };

/** What {@linkcode serve} takes. Deno has no permessage-deflate to offer. */
export type DenoServeOptions = ServeOptions;

/** What is used of Deno's `ServeHandlerInfo`. */
export interface DenoServeInfo {
  /** The peer's address. */
  readonly remoteAddr: object;
}

/** A handler for `Deno.serve`. */
export type DenoHandler = (request: Request, info: DenoServeInfo) => Promise<Response>;

interface DenoServer {
  readonly addr: { readonly port: number };
  /** Rejects when it can accept nobody any more. */
  readonly finished: Promise<void>;
  shutdown(): Promise<void>;
}

interface DenoRuntime {
  serve(
    options: ServeOptions & { key: string | undefined; cert: string | undefined; onListen: () => void },
    handler: DenoHandler,
  ): DenoServer;
  addSignalListener(signal: "SIGTERM", listener: () => void): void;
  removeSignalListener(signal: "SIGTERM", listener: () => void): void;
  exit(code: number): void;
  upgradeWebSocket(request: Request, options: { idleTimeout: number }): { socket: DenoWebSocket; response: Response };
}

interface DenoWebSocket extends StandardWebSocket {
  onopen: unknown;
}

declare const Deno: DenoRuntime;

// --- the socket ---

/** How often sockets with waiting bytes are looked at, in ms: Deno has no event for it. */
const DRAIN_POLL = 4;
const OPEN = 1;
const CLOSED = 3;

const waiting = new Map<Socket, DenoWebSocket>();
let polling = false;

function toSocket(ws: DenoWebSocket, protocol: string | undefined, patience: number): Socket {
  const socket = fromWebSocket(ws, protocol);
  const send = socket.send.bind(socket);
  const close = socket.close.bind(socket);
  socket.send = (data): void => {
    send(data);
    waiting.set(socket, ws);
    if (polling) return;
    polling = true;
    serverClock.setTimer(pollDrain, DRAIN_POLL);
  };
  socket.close = (code = 1005, reason = ""): void => {
    close(code === 1005 ? undefined : code, reason || undefined);
    // Deno waits for the peer's answer for ever, and nothing cuts it; at least the app is rid of it.
    serverClock.setTimer(() => {
      if (ws.readyState === CLOSED || ws.onclose === null) return;
      ws.onclose = null;
      socket.onclose(code, reason);
    }, patience);
  };
  return socket;
}

function pollDrain(): void {
  for (const [socket, ws] of waiting) {
    const open = ws.readyState === OPEN;
    if (open && ws.bufferedAmount > 0) continue;
    waiting.delete(socket);
    if (open) socket.ondrain();
  }
  polling = waiting.size > 0;
  if (polling) serverClock.setTimer(pollDrain, DRAIN_POLL);
}

// --- the upgrade ---

/**
 * The handler to give to a `Deno.serve` of one's own.
 *
 * @param app the app
 * @returns the handler: it answers Prism's upgrades with a WebSocket and all other requests with `app.fetch`
 * @example
 * Deno.serve({ port: 3000 }, handler(app));
 */
export function handler(app: Servable): DenoHandler {
  return async (given, info) => {
    const request = withHost(given);
    const peer = { remoteAddress: (info.remoteAddr as { hostname?: string }).hostname };
    if (!app.isUpgrade(request)) return app.fetch(request, peer);
    // Deno's own request cannot be read once it is answered, or its peer gone. To make another takes time, too.
    const toLasting = (): Request => new Request(request.url, { headers: request.headers });
    const answer = await admitInTime(app, toLasting, peer);
    if (!isAdmission(answer)) return answer;
    try {
      return upgrade(app, request, answer);
    } catch {
      answer.abandon();
      return new Response("Not a WebSocket handshake", { status: 400 });
    }
  };
}

/** Of HTTP/2, Deno has the host in the URL alone. */
function withHost(request: Request): Request {
  if (request.headers.has("host") || request.headers.get("upgrade") !== null) return request;
  const host = /^\w+:\/\/([^/?#]+)/.exec(request.url)?.[1];
  return host === undefined ? request : new Request(request, { headers: [...request.headers, ["host", host]] });
}

function upgrade(app: Servable, request: Request, admission: Admission): Response {
  // Its option `protocol` reads the offered list wrongly, so both headers are set by hand.
  const { socket: ws, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
  for (const [name, value] of admission.headers) response.headers.append(name, value);
  if (admission.protocol !== undefined) response.headers.set("sec-websocket-protocol", admission.protocol);
  // A peer that has gone by now raises no event at all.
  const deadline = serverClock.setTimer(() => {
    ws.onopen = null;
    admission.abandon();
  }, app.transport.handshake);
  ws.onopen = (): void => {
    deadline.cancel();
    admission.open(toSocket(ws, admission.protocol, app.transport.handshake));
  };
  return response;
}

// --- the server ---

const termination = new Termination({
  on: (listener) => Deno.addSignalListener("SIGTERM", listener),
  off: (listener) => Deno.removeSignalListener("SIGTERM", listener),
  others: () => false, // Deno does not tell.
  exit: () => Deno.exit(0),
});

/** How long the app's own closings have to go out before Deno closes all with a code of its own, in ms. */
const LAST_WORD = 10;

/** How long to wait before listening again where that fails, in ms. */
const LISTEN_AGAIN = 100;

/**
 * Serves an app on Deno.
 *
 * @param app the app
 * @param options where to listen
 * @returns the server, once it listens
 * @throws if it cannot listen there
 */
export async function serve(app: Servable, options: DenoServeOptions = {}): Promise<Serving> {
  const { port = DEFAULT_PORT, hostname = "0.0.0.0", tls } = options;
  const handle = handler(app);
  const listen = (on: number): DenoServer => {
    const options = { port: on, hostname, key: tls?.key, cert: tls?.cert, onListen: (): void => {} };
    const listening = Deno.serve(options, handle);
    // Out of file descriptors, Deno listens no more, for good; those who are connected go on.
    listening.finished.catch(() => listenAgain());
    return listening;
  };
  const listenAgain = (): void => {
    if (closing !== undefined) return;
    try {
      server = listen(bound);
    } catch {
      // A timer that keeps the process alive: there may be nothing else that does.
      setTimeout(listenAgain, LISTEN_AGAIN);
    }
  };
  let closing: Promise<void> | undefined;
  let server = listen(port);
  const bound = server.addr.port;

  const close = async (): Promise<void> => {
    unwatch();
    // First the app: Deno's shutdown closes WebSockets with a code of its own. It waits for responses, though, and has
    // nothing that cuts them.
    await closeInTime(app);
    await new Promise<void>((resolve) => void serverClock.setTimer(resolve, LAST_WORD));
    await new Promise<void>((resolve) => {
      const grace = serverClock.setTimer(resolve, CLOSE_GRACE);
      const done = (): void => {
        grace.cancel();
        resolve();
      };
      server.shutdown().then(done, done);
    });
  };
  const closeOnce = (): Promise<void> => (closing ??= close());
  const unwatch = termination.watch(app, options.drain, closeOnce);
  return { url: toServerUrl(options, bound), port: bound, close: closeOnce };
}
