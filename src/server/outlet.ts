import type { ServerConnection } from "../connection/server-connection.ts";
import type { BroadcastOptions } from "../service/hosts.ts";
import type { Frame } from "../wire/frames.ts";
import type { Limits } from "../wire/limits.ts";

/** Whom an outlet sends to. */
export interface OutletOwner {
  readonly wire: ServerConnection;
  readonly limits: Limits;
  /** Whether more waits for it than should, or it has no socket. */
  readonly slow: boolean;
  /** Ends it: more is held back than may be. */
  overflow(): void;
}

/** What may be dropped, or replaced by what comes later, while a peer is slow or has no socket. */
export class Outlet {
  readonly #peer: OutletOwner;
  readonly #conflated = new Map<string, Frame>();
  /** What is held back, in bytes or characters. */
  #held = 0;
  #waits = false;
  #flushes = false;

  /** @param peer whom it sends to */
  constructor(peer: OutletOwner) {
    this.#peer = peer;
  }

  /** Sends a frame, or drops it or holds it back where the peer is slow and the options allow it. */
  post(frame: Frame, { volatile, conflate }: BroadcastOptions): void {
    if ((volatile === true || conflate !== undefined) && this.#peer.slow) {
      if (conflate !== undefined) this.#hold(conflate, frame);
      return;
    }
    if (conflate !== undefined) this.#release(conflate);
    this.flush();
    this.#peer.wire.send(frame);
  }

  /** Hands over what was held back, in the order in which it would be sent. */
  take(): readonly Frame[] {
    const held = [...this.#conflated.values()];
    this.#conflated.clear();
    this.#held = 0;
    return held;
  }

  /**
   * Sends what was held back, as far as it does not make the peer slow again: before each thing that is sent, too, since a
   * peer that is busy without being slow may never drain.
   */
  flush(): void {
    if (this.#flushes) return;
    this.#flushes = true;
    for (const [key, frame] of this.#conflated) {
      if (this.#peer.slow) {
        this.#wait();
        break;
      }
      this.#release(key);
      this.#peer.wire.send(frame);
    }
    this.#flushes = false;
  }

  /** Keeps the last frame of a key, behind what was held back since. */
  #hold(key: string, frame: Frame): void {
    this.#release(key);
    this.#conflated.set(key, frame);
    this.#held += frame.length;
    if (this.#held > this.#peer.limits.sendLimit) this.#peer.overflow();
    else this.#wait();
  }

  #release(key: string): void {
    this.#held -= this.#conflated.get(key)?.length ?? 0;
    this.#conflated.delete(key);
  }

  #wait(): void {
    if (this.#waits || this.#peer.wire.over) return;
    this.#waits = true;
    void this.#peer.wire.room().then(() => {
      this.#waits = false;
      this.flush();
    });
  }
}
