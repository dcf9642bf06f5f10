import { RESTART } from "../wire/close-codes.ts";
import type { Clock } from "../wire/clock.ts";
import type { Peer } from "./peer.ts";
import type { Transfer } from "./transfer.ts";

/** What draining needs of the app. */
export interface DrainOwner {
  readonly clock: Clock;
  readonly peers: ReadonlySet<Peer>;
  /** Hands connections over, where there is somebody to take them. */
  readonly transfer: Transfer | undefined;
}

/** How long draining may take where nothing is said, in ms. */
export const DRAIN_WITHIN = 10_000;
/** Clients are told one after the other, so that they do not all go at once: how far apart, in ms. */
const APART = 10;
/** Over which share of the time they are told at most. */
const SPREAD = 0.5;
/** How long a client has to open a socket elsewhere before this one is closed, in ms, and as a share of the time. */
const NOTICE = 1_000;
const NOTICE_SHARE = 0.25;
/** How often a connection is looked at that has calls, in ms. */
const LOOK = 10;

/** Sends clients elsewhere, each at its own moment: tells it, lets its calls finish, hands it over, closes its socket. */
export class Drain {
  readonly #owner: DrainOwner;
  readonly #within: number;
  readonly #until: number;
  readonly #leaving = new Map<Peer, Promise<void>>();
  /** What ends the waiting for a client that is asked for elsewhere, or gone. */
  readonly #wakes = new Map<Peer, () => void>();

  /**
   * @param owner the app
   * @param within how long it may take, in ms
   */
  constructor(owner: DrainOwner, within: number) {
    this.#owner = owner;
    this.#within = within;
    this.#until = owner.clock.now() + within;
  }

  /** Sends everybody away; resolves when they are gone. */
  async run(): Promise<void> {
    for (const peer of this.#owner.peers) this.add(peer);
    while (this.#leaving.size > 0) await Promise.all(this.#leaving.values());
  }

  /** Sends a client away, also one that has just come. */
  add(peer: Peer): void {
    if (this.#leaving.has(peer)) return;
    const gone = this.#move(peer).finally(() => this.#leaving.delete(peer));
    this.#leaving.set(peer, gone);
  }

  /** Does not wait for a client's moment any more: it has lost its socket, or is gone. */
  hurry(peer: Peer): void {
    this.#wakes.get(peer)?.();
  }

  async #move(peer: Peer): Promise<void> {
    const { clock, transfer } = this.#owner;
    const spread = Math.min(this.#within * SPREAD, this.#owner.peers.size * APART);
    await this.#sleep(peer, clock.random() * spread);
    if (!this.#isDue(peer)) {
      // Where nobody goes on with the connection, there is nothing to wait for elsewhere.
      const notice = transfer === undefined ? 0 : Math.min(NOTICE, this.#within * NOTICE_SHARE);
      await transfer?.announce(peer, this.#until - clock.now());
      peer.tellDraining(Math.ceil(notice));
      await this.#sleep(peer, notice);
    }
    while (!this.#isDue(peer) && peer.wire.busy) await this.#sleep(peer, LOOK);
    if (peer.closed) return;
    if (transfer === undefined) return peer.shut(RESTART, "Draining");
    await transfer.park(peer);
    peer.release();
  }

  /** Whether there is nothing to wait for: its time is over, or it has no socket and may come to another server. */
  #isDue(peer: Peer): boolean {
    return peer.suspended || peer.closed || this.#owner.clock.now() >= this.#until;
  }

  #sleep(peer: Peer, ms: number): Promise<void> {
    if (this.#isDue(peer)) return Promise.resolve();
    const { clock } = this.#owner;
    return new Promise((resolve) => {
      const timer = clock.setTimer(() => wake(), Math.min(ms, this.#until - clock.now()));
      const wake = (): void => {
        timer.cancel();
        this.#wakes.delete(peer);
        resolve();
      };
      this.#wakes.set(peer, wake);
    });
  }
}
