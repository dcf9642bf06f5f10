import { Alarm } from "../connection/alarm.ts";
import type { Clock } from "../wire/clock.ts";
import { PrismError } from "../wire/errors.ts";

/** What waits for the connection. */
export interface Queued {
  /** When it gives up, on the client's clock. */
  readonly deadline: number;
  /** Whether it has given up by itself. */
  readonly settled: boolean;
  /** Gives up. Never throws. */
  fail(error: PrismError): void;
}

interface Entry {
  readonly item: Queued;
  readonly send: () => void;
}

/** What was sent and called before there was a connection, in order, as long as it is wanted. */
export class Queue {
  readonly #clock: Clock;
  readonly #limit: number;
  #items: Entry[] = [];
  readonly #alarm: Alarm;

  /**
   * @param clock the time
   * @param limit how many may wait
   */
  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#alarm = new Alarm(clock, () => this.#expire());
    this.#limit = limit;
  }

  /**
   * Adds one at the end.
   *
   * @param item what waits
   * @param send sends it; never throws
   * @throws {PrismError} `busy` if as many wait as may
   */
  push(item: Queued, send: () => void): void {
    if (this.#items.length >= this.#limit) this.#sweep();
    if (this.#items.length >= this.#limit) throw new PrismError("busy", `More than ${this.#limit} wait`);
    this.#items.push({ item, send });
    this.#alarm.set(item.deadline);
  }

  /** Sends all, in order. */
  send(): void {
    for (const { item, send } of this.#take()) if (!item.settled) send();
  }

  /** Fails all. */
  fail(error: PrismError): void {
    for (const { item } of this.#take()) item.fail(error);
  }

  #take(): Entry[] {
    const items = this.#items;
    this.#items = [];
    this.#alarm.clear();
    return items;
  }

  #expire(): void {
    const now = this.#clock.now();
    for (const { item } of this.#items)
      if (item.deadline <= now) item.fail(new PrismError("timeout", "Not connected in time"));
    this.#sweep();
    for (const { item } of this.#items) this.#alarm.set(item.deadline);
  }

  #sweep(): void {
    this.#items = this.#items.filter(({ item }) => !item.settled);
  }
}
