import type { Clock, Timer } from "../wire/clock.ts";

/** One end of a socket, as the heartbeat sees it. It notes `Heartbeat.beat` when it sends and when it receives. */
export interface Pulse {
  /** The beat at which something was last sent. */
  spokeAt: number;
  /** The beat at which something was last received. */
  heardAt: number;
  /** Asks the peer for a sign of life. */
  ping(): void;
  /** Gives the peer up. */
  missed(): void;
}

/** How many beats go into the shorter of the two times: the finer, the more exact, and the more work. */
const RESOLUTION = 4;

/**
 * Watches any number of sockets with one timer (PROTOCOL.md, "Heartbeat"). Time is counted in beats, and a beat that
 * comes late counts once, so that a process that was held up does not take its peers for dead.
 */
export class Heartbeat {
  /** How many beats there have been. */
  beat = 0;
  readonly #clock: Clock;
  readonly #step: number;
  readonly #quiet: number;
  readonly #dead: number;
  readonly #pulses = new Set<Pulse>();
  #timer: Timer | undefined;
  #dueAt = 0;

  /**
   * @param clock the time
   * @param interval after how many ms of silence an end shows that it lives
   * @param patience how many ms over that it waits for its peer
   */
  constructor(clock: Clock, interval: number, patience: number) {
    this.#clock = clock;
    this.#step = Math.max(1, Math.min(interval, patience) / RESOLUTION);
    this.#quiet = Math.max(1, Math.floor(interval / this.#step));
    this.#dead = Math.max(this.#quiet + 1, Math.floor((interval + patience) / this.#step));
  }

  /** @param pulse an end to watch from now on */
  add(pulse: Pulse): void {
    pulse.spokeAt = pulse.heardAt = this.beat;
    this.#pulses.add(pulse);
    if (this.#timer === undefined) this.#wait();
  }

  /** @param pulse an end to watch no longer */
  delete(pulse: Pulse): void {
    this.#pulses.delete(pulse);
    if (this.#pulses.size === 0) {
      this.#timer?.cancel();
      this.#timer = undefined;
    }
  }

  /** Has an end asked for a sign of life now, and given up if there is none within the patience. */
  probe(pulse: Pulse): void {
    pulse.heardAt = this.beat - this.#quiet;
    pulse.ping();
  }

  #wait(): void {
    this.#dueAt = this.#clock.now() + this.#step;
    this.#timer = this.#clock.setTimer(this.#tick, this.#step);
  }

  readonly #tick = (): void => {
    const heldUp = this.#clock.now() - this.#dueAt > this.#step;
    this.#timer = undefined;
    this.beat++;
    for (const pulse of this.#pulses) {
      // Held up, it cannot tell a dead peer from one whose data it has not yet read: it asks, and waits for patience.
      if (heldUp) pulse.heardAt = this.beat - this.#quiet;
      const silence = this.beat - pulse.heardAt;
      if (silence >= this.#dead) pulse.missed();
      else if (heldUp || silence === this.#quiet || this.beat - pulse.spokeAt >= this.#quiet) pulse.ping();
    }
    // One that was given up may have been replaced already, by one whose adding began to wait.
    if (this.#timer === undefined && this.#pulses.size > 0) this.#wait();
  };
}
