import type { Socket } from "../socket/socket.ts";
import type { Clock, Timer } from "../wire/clock.ts";
import { DONE } from "../wire/close-codes.ts";
import { HANDSHAKE } from "../wire/limits.ts";
import type { Dial } from "./dial.ts";
import type { ClientOptions } from "./types.ts";

/** A connection that lived for so long, in ms, was a success: the next attempt begins with the first bound again. */
const SETTLED = 5_000;

/** Who wants a socket. */
export interface DialerOwner {
  readonly clock: Clock;
  /** Takes an open socket. */
  attach(socket: Socket): void;
  /** The subprotocols to offer. */
  offers(): string[];
  /** Hears that there is none. */
  failed(what: string, error: unknown): void;
}

/** Gets sockets, one at a time, and waits between attempts. */
export class Dialer {
  readonly #url: string;
  readonly #options: ClientOptions;
  readonly #dial: Dial;
  readonly #owner: DialerOwner;
  /** Takes back the attempt that is under way. */
  #attempt: AbortController | undefined;
  /** When the attempt has taken too long, or the next one is due. */
  #timer: Timer | undefined;
  #failures = 0;
  #openedAt = Infinity;
  #bare = false;

  /**
   * @param url where to
   * @param options the user's
   * @param dial opens sockets
   * @param owner who takes them
   */
  constructor(url: string, options: ClientOptions, dial: Dial, owner: DialerOwner) {
    this.#url = url;
    this.#options = options;
    this.#dial = dial;
    this.#owner = owner;
  }

  /** Whether an attempt is under way. */
  get dialing(): boolean {
    return this.#attempt !== undefined;
  }

  /** Tries now, as if no attempt had failed. */
  start(): void {
    this.#failures = 0;
    this.dial();
  }

  /** Tries now, instead of when it was to. */
  dial(): void {
    this.stop();
    const { signal } = (this.#attempt = new AbortController());
    const failed = (error: unknown): void => {
      if (signal.aborted) return;
      // Something in between may not let subprotocols through.
      this.#bare = !this.#bare;
      this.#owner.failed(`No socket to ${this.#url}`, error);
    };
    this.#timer = this.#owner.clock.setTimer(() => failed(new Error("Not connected in time")), HANDSHAKE);
    // An async function, so that a dial that throws is one that rejects.
    (async () => this.#dial(this.#url, this.#bare ? [] : this.#owner.offers(), signal))()
      .then((socket) => {
        if (signal.aborted) return socket.close(DONE, "");
        this.#timer?.cancel();
        this.#attempt = undefined;
        this.#owner.attach(socket);
      })
      .catch(failed);
  }

  /** Tries again after a random time, so that clients that were cut off together do not come back together. */
  retry(): void {
    const { clock } = this.#owner;
    if (clock.now() - this.#openedAt >= SETTLED) this.#failures = 0;
    this.#openedAt = Infinity;
    const { min = 500, max = 10_000 } = this.#options.reconnect ?? {};
    const bound = Math.min(max, min * 2 ** this.#failures++);
    this.stop();
    this.#timer = clock.setTimer(() => this.dial(), clock.random() * bound);
  }

  /** Takes note that a socket has served to open a connection. */
  opened(): void {
    this.#openedAt = this.#owner.clock.now();
    this.#bare = false;
  }

  /** Gives up the attempt that is under way or waited for. */
  stop(): void {
    this.#timer?.cancel();
    this.#attempt?.abort();
    this.#attempt = undefined;
  }
}
