import { WebSocket } from "ws";
import { clientClock } from "../../src/client/clock.ts";
import { type Dial, webSocketDial } from "../../src/client/dial.ts";
import { connect } from "../../src/client/node.ts";
import { rpc } from "../../src/services/rpc/client.ts";
import { type Ledger, readStamp } from "./ledger.ts";
import type { App } from "./server/app.ts";
import { ledgerHalf } from "./server/ledger-half.ts";
import type { Closing, Order } from "./server/ledger-service.ts";

export interface CustomerOptions {
  readonly url: string;
  /** What their names begin with. */
  readonly name: string;
  /** Messages a second, each way on each connection: as many as there is room for, where it is 0. */
  readonly rate: number;
  /** How many in all, each way on each connection: without end where it is 0. */
  readonly count?: number;
  /** Whether there are no messages at all. */
  readonly idle?: boolean;
  /** The bounds of the time before an attempt to get another socket, in ms; the product's where nothing is said. */
  readonly reconnect?: { readonly min: number; readonly max: number };
}

/** What is counted over all of them. */
export interface Tally {
  sent: number;
  received: number;
  suspended: number;
  resumed: number;
  reset: number;
  closed: number;
  failed: number;
}

/** Something that happened to a connection, in ms since 1970. */
export interface LoadEvent {
  readonly who: string;
  /** `due` is when an attempt was to be made, by the client's own choice; it is noted when the attempt is made. */
  readonly name: "due" | "open" | "failed" | "suspended" | "resumed" | "reset" | "closed";
  readonly at: number;
  /** Why, where that is known. */
  readonly why?: string;
}

export interface Shop {
  readonly ledger: Ledger;
  readonly tally: Tally;
  readonly errors: string[];
  poke(): void;
}

const wall = (): number => performance.timeOrigin + performance.now();

/** Most events that are kept of one. */
const MOST_EVENTS = 2_000;

/** @param attempted told of each attempt: for when it was set, in ms since 1970, however late its process was */
function open({ url, reconnect }: CustomerOptions, attempted: (due: number) => void) {
  let due = wall();
  const clock: typeof clientClock = {
    ...clientClock,
    setTimer: (run, ms) => {
      const time = wall() + ms;
      return clientClock.setTimer(() => {
        due = time;
        run();
      }, ms);
    },
  };
  const dialNow = webSocketDial(WebSocket);
  const dial: Dial = (...args) => {
    attempted(due);
    return dialNow(...args);
  };
  const services = { calls: rpc(), ledger: ledgerHalf };
  return connect<App>(url, { services, reconnect, timeout: 60_000, clock, dial });
}

/** One connection of the load, through all of its lives. A reset ends a life and begins another. */
export class Customer {
  readonly opened: Promise<void>;
  readonly events: LoadEvent[] = [];
  readonly outages: number[] = [];
  /** The longest time between two messages from the server within a life, in ms. */
  gap = 0;
  readonly #name: string;
  readonly #options: CustomerOptions;
  readonly #shop: Shop;
  readonly #client: ReturnType<typeof open>;
  #life = 0;
  #over = false;
  #last = 0;
  #lost = 0;

  constructor(name: string, options: CustomerOptions, shop: Shop) {
    this.#name = name;
    this.#options = options;
    this.#shop = shop;
    this.#client = open(options, (due) => this.#keep({ who: name, name: "due", at: due }));
    const { connection, ledger } = this.#client;
    this.opened = connection.opened;
    for (const event of ["open", "failed", "suspended", "resumed", "reset", "closed"] as const) {
      connection.on(event, (why) => this.#note(event, why));
    }
    connection.on("closed", ({ code, reason }) => {
      if (!this.#over) shop.errors.push(`${name} was closed with ${code} ${reason}`);
    });
    ledger.onMessage((text) => this.#take(text));
    ledger.onReset(() => this.#begin());
    // In front of the queue: the order waits until the connection is open.
    this.#begin();
  }

  get status(): string {
    return this.#client.connection.status;
  }

  /** The two directions of its life. */
  get channels(): [up: string, down: string] {
    const life = `${this.#name}.${this.#life}`;
    return [`${life}>`, `${life}<`];
  }

  /** Whether all was sent and received. */
  get done(): boolean {
    const { count = 0 } = this.#options;
    const [up, down] = this.channels;
    const { ledger } = this.#shop;
    return count > 0 && ledger.sentOn(up) >= count && ledger.receivedOn(down) >= count;
  }

  /** Sends nothing more, and asks the server how it was: behind all that was sent before. */
  async finish(): Promise<Closing | undefined> {
    this.#over = true;
    if (this.#options.idle) return undefined;
    try {
      return JSON.parse(await this.#client.ledger.call("finish")) as Closing;
    } catch (error) {
      this.#shop.errors.push(`${this.#name} has no end: ${String(error)}`);
      return undefined;
    }
  }

  session(): Promise<string> {
    return Promise.resolve(this.#client.calls.who());
  }

  /** A call that takes its time; where it ended, or how it failed. */
  async slow(ms: number): Promise<string> {
    try {
      return String(await this.#client.calls.slow(ms));
    } catch (error) {
      return String(error);
    }
  }

  close(): void {
    this.#over = true;
    this.#client.connection.close();
  }

  #begin(): void {
    const number = ++this.#life;
    this.#last = 0;
    const { rate, count = 0, idle } = this.#options;
    if (idle) return;
    const order: Order = { life: `${this.#name}.${this.#life}`, rate, count };
    this.#client.ledger.call(JSON.stringify(order)).then(
      () => this.#produce(number),
      (error: unknown) => {
        // One that a reset has ended begins no more.
        if (number === this.#life) this.#shop.errors.push(`${order.life} did not begin: ${String(error)}`);
      },
    );
  }

  async #produce(life: number): Promise<void> {
    const { rate, count = 0 } = this.#options;
    const [channel] = this.channels;
    const { ledger, tally, errors, poke } = this.#shop;
    const { connection, ledger: service } = this.#client;
    const began = performance.now();
    try {
      for (let i = 0; ; i++) {
        if (rate > 0) await until(began + (i * 1_000) / rate);
        if (this.#over || life !== this.#life) return;
        await connection.drained();
        if (this.#over || life !== this.#life || (count > 0 && i >= count)) return;
        service.send(ledger.stamp(this.#name, channel));
        tally.sent++;
        if (i + 1 === count) poke();
      }
    } catch (error) {
      if (!this.#over) errors.push(`${this.#name} could not send: ${String(error)}`);
    }
  }

  #take(text: string): void {
    const { ledger, tally, errors, poke } = this.#shop;
    try {
      ledger.take(readStamp(text));
    } catch (error) {
      errors.push(String(error));
    }
    tally.received++;
    const now = performance.now();
    if (this.#last > 0 && !this.#over) this.gap = Math.max(this.gap, now - this.#last);
    this.#last = now;
    poke();
  }

  #keep(event: LoadEvent): void {
    if (this.events.length < MOST_EVENTS) this.events.push(event);
  }

  #note(name: Exclude<LoadEvent["name"], "due">, why: unknown): void {
    const { tally, poke } = this.#shop;
    if (name !== "open") tally[name]++;
    this.#keep({ who: this.#name, name, at: wall(), ...toReason(why) });
    if (name === "suspended") this.#lost = performance.now();
    else if ((name === "resumed" || name === "reset") && this.#lost > 0) {
      this.outages.push(Math.round(performance.now() - this.#lost));
      this.#lost = 0;
    }
    // When the status is what the event says.
    setImmediate(poke);
  }
}

function until(time: number): Promise<void> {
  const left = time - performance.now();
  return left <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, left));
}

function toReason(why: unknown): { why?: string } {
  if (why === undefined) return {};
  return { why: why instanceof Error ? why.message : JSON.stringify(why) };
}
