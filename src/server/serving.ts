import type { Servable } from "./admission.ts";
import { serverClock } from "./clock.ts";

/** Where and how a server listens: what `serve` takes on every runtime. */
export interface ServeOptions {
  /** The port to listen on; 0 takes any free one. 3000 unless given. */
  readonly port?: number | undefined;
  /** The address to listen on; what the platform takes unless given: all of them, on Deno those of IPv4. */
  readonly hostname?: string | undefined;
  /** Serves `https:` and `wss:` with this certificate. */
  readonly tls?: TlsOptions | undefined;
}

/** A certificate and its private key, both as PEM text. */
export interface TlsOptions {
  /** The private key. */
  readonly key: string;
  /** The certificate, followed by those that lead to its root. */
  readonly cert: string;
}

/** A server that is listening. */
export interface Serving {
  /** Where it is reached, without a path: `http://localhost:3000`. */
  readonly url: string;
  /** The port that it listens on. */
  readonly port: number;
  /**
   * Stops listening, closes the app, which ends every connection with 1001, and waits until all is over; what is not
   * over after {@linkcode CLOSE_GRACE} is cut. Calling it again waits for the same.
   */
  close(): Promise<void>;
}

/** The port that `serve` takes unless it is told one. */
export const DEFAULT_PORT = 3000;

/** How long a closing server waits for its peers' closing handshakes and for responses under way, in ms. */
export const CLOSE_GRACE = 2_000;

/**
 * Closes an app, and waits for its services for at most {@linkcode CLOSE_GRACE}: one that never comes to its end keeps
 * nobody else from theirs.
 *
 * @param app the app
 * @returns when it is closed, or has had its time
 */
export function closeInTime(app: Servable): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = serverClock.setTimer(resolve, CLOSE_GRACE);
    app
      .close()
      .finally(() => timer.cancel())
      .then(resolve, reject);
  });
}

/**
 * The address of a server as its users open it.
 *
 * @param options what `serve` was given
 * @param port the port that it listens on
 * @returns the URL, without a path
 */
export function toServerUrl(options: ServeOptions, port: number): string {
  const { hostname, tls } = options;
  const anywhere = hostname === undefined || hostname === "0.0.0.0" || hostname === "::";
  const host = anywhere ? "localhost" : hostname.includes(":") ? `[${hostname}]` : hostname;
  return `${tls ? "https" : "http"}://${host}:${port}`;
}
