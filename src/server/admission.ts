import type { Socket } from "../socket/socket.ts";

/** What an adapter knows of the peer beyond its request. */
export interface PeerInfo {
  /** The peer's network address, as the runtime tells it. */
  readonly remoteAddress?: string | undefined;
}

/** Leave to upgrade a request: the adapter upgrades with these headers and then hands over the socket. */
export interface Admission {
  /** Headers for the upgrade's response, `sec-websocket-protocol` not among them. */
  readonly headers: Headers;
  /** The subprotocol to select, `undefined` where the client offered none that is known. */
  readonly protocol: string | undefined;
  /** Takes the open socket over. Called once, in the turn in which the socket opened; never throws. */
  open(socket: Socket): void;
  /** Says that the upgrade came to nothing, so that nothing is kept for it. Never throws. */
  abandon(): void;
}

/** How a server goes away. */
export interface DrainOptions {
  /**
   * How long calls may take to come to their ends, in ms: 10,000. What is not over by then fails with `lost`. Others' time
   * to end a process, Kubernetes' 30 s say, is to be longer.
   */
  readonly within?: number | undefined;
}

/** What an adapter needs of an app: the whole of the seam between a runtime and Prism. */
export interface Servable {
  /** Whether the request asks for a WebSocket at the app's own path; all other requests go to `fetch`. */
  isUpgrade(request: Request): boolean;
  /**
   * Judges an upgrade request. Never rejects: a hook that fails is a `Response` with status 500. The host of its URL is
   * the peer's word or a made-up one, as the runtime has it: whoever compares an origin does so with the `host` header.
   */
  admit(request: Request, peer?: PeerInfo): Promise<Admission | Response>;
  /** Answers a plain HTTP request. Works unbound. */
  readonly fetch: (request: Request, peer?: PeerInfo) => Promise<Response>;
  /** Bounds that a runtime enforces before bytes are buffered. */
  readonly transport: TransportLimits;
  /**
   * Goes away without losing anything that can be kept: refuses new connections with 503, tells clients at moments of
   * their own to move, lets calls finish, hands connections over where the app has a `handover`, and closes.
   *
   * @returns settles when it is closed
   */
  drain(options?: DrainOptions): Promise<void>;
  /** Ends every connection with 1001 and lets go of timers and services. */
  close(): Promise<void>;
}

/** What an adapter asks of its platform, where the platform has the lever. */
export interface TransportLimits {
  /** The largest message from a client, in bytes, after inflating. */
  readonly packet: number;
  /** The most bytes that may wait in a socket before it is closed. */
  readonly sendLimit: number;
  /** How long a handshake may take, in ms. */
  readonly handshake: number;
}
