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
import { DenoSocket, type DenoWebSocket } from "./deno-socket.ts";

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

declare const Deno: DenoRuntime;

// --- the upgrade (the socket is in deno-socket.ts) ---

/**
 * The handler to give to a `Deno.serve` of one's own.
 *
 * @param app the app
 * @returns the handler: it answers Prism's upgrades with a WebSocket and all other requests with `app.fetch`
 * @example
 * Deno.serve({ port: 3000 }, handler(app));
 */
export function handler(app: Servable): DenoHandler {
  const handshakes = new Handshakes(app);
  return async (given, info) => {
    const request = withHost(given);
    const peer = { remoteAddress: (info.remoteAddr as { hostname?: string }).hostname };
    if (!app.isUpgrade(request)) return app.fetch(request, peer);
    // Its URL and headers were looked at, and so can be read when it is answered, or its peer gone.
    const answer = await handshakes.admit(request, peer);
    if (!isAdmission(answer)) return answer;
    try {
      return upgrade(request, answer, handshakes, app.transport.handshake);
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

function upgrade(request: Request, admission: Admission, handshakes: Handshakes, patience: number): Response {
  // Its option `protocol` reads the offered list wrongly, so both headers are set by hand.
  const { socket: ws, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
  for (const [name, value] of admission.headers) response.headers.append(name, value);
  if (admission.protocol !== undefined) response.headers.set("sec-websocket-protocol", admission.protocol);
  // A peer that has gone by now raises no event at all.
  let late = false;
  const deadline = handshakes.limit(() => {
    late = true;
    admission.abandon();
  });
  const open = (): void => {
    deadline.cancel();
    if (!late) admission.open(new DenoSocket(ws, admission.protocol, patience));
  };
  ws.addEventListener("open", open, { once: true });
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
