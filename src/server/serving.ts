import { DRAIN_WITHIN } from "./drain.ts";
import type { DrainOptions, Servable } from "./admission.ts";
import { serverClock } from "./clock.ts";

/** Where and how a server listens: what `serve` takes on every runtime. */
export interface ServeOptions {
  /** The port to listen on; 0 takes any free one. 3000 unless given. */
  readonly port?: number | undefined;
  /** The address to listen on; what the platform takes unless given: all of them, on Deno those of IPv4. */
  readonly hostname?: string | undefined;
  /** Serves `https:` and `wss:` with this certificate. */
  readonly tls?: TlsOptions | undefined;
  /**
   * How the app is drained when the process is told to end (SIGTERM), which it then does, unless somebody else listens for
   * the signal, too. `false` leaves the signal alone.
   */
  readonly drain?: DrainOptions | false | undefined;
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

/** What a runtime knows of the signal to end. */
export interface Signals {
  /** Calls a listener at the signal. Throws where the platform has none. */
  on(listener: () => void): void;
  /** Takes it off again. */
  off(listener: () => void): void;
  /** Whether anybody else listens. */
  others(): boolean;
  /** Ends the process. */
  exit(): void;
}

/** Drains the apps of a process when it is told to end, and then ends it. */
export class Termination {
  readonly #signals: Signals;
  readonly #ends = new Set<() => Promise<void>>();
  #listening = false;

  /** @param signals the runtime's */
  constructor(signals: Signals) {
    this.#signals = signals;
  }

  /**
   * Drains an app at the signal.
   *
   * @param app the app
   * @param options how, as `serve` was given it
   * @param close closes its server afterwards
   * @returns takes it back
   */
  watch(app: Servable, options: DrainOptions | false | undefined, close: () => Promise<void>): () => void {
    if (options === false) return () => {};
    const end = async (): Promise<void> => {
      // A service that never comes to its end keeps the process from its own no longer than others.
      const { within = DRAIN_WITHIN } = options ?? {};
      await Promise.race([
        app.drain(options),
        new Promise<void>((resolve) => void serverClock.setTimer(resolve, within + CLOSE_GRACE)),
      ]);
      await close();
    };
    if (this.#ends.size === 0) this.#listen();
    this.#ends.add(end);
    return () => {
      if (this.#ends.delete(end) && this.#ends.size === 0) this.#ignore();
    };
  }

  #listen(): void {
    try {
      this.#signals.on(this.#terminate);
      this.#listening = true;
    } catch {
      // Not every platform has the signal, nor may every process listen for it.
    }
  }

  /** Where listening throws, taking the listener off does, too. */
  #ignore(): void {
    if (this.#listening) this.#signals.off(this.#terminate);
    this.#listening = false;
  }

  readonly #terminate = (): void => {
    this.#ignore();
    const others = this.#signals.others();
    void Promise.allSettled([...this.#ends].map((end) => end())).then(() => {
      if (!others) this.#signals.exit();
    });
  };
}

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
