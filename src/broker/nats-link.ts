import type { Clock } from "../wire/clock.ts";
import { isPrismError, PrismError } from "../wire/errors.ts";
import { Backlog } from "./nats-backlog.ts";
import { Call, isNobody, race } from "./nats-call.ts";
import { closed, type QueueLimits } from "./patience.ts";
import type { NatsConnection, NatsHeaders, NatsMessage } from "./nats-connection.ts";

/** How long one attempt waits for its answer before it is made again, in ms. */
const ATTEMPT = 2_000;
/** How long is waited before what has failed is tried again, in ms: longer and longer. */
const PAUSE = { first: 20, most: 1_000 };
/** How many bytes headers take at most. */
const HEADERS = 512;

/** Whether what was sent may have arrived more than once. */
export interface Sent {
  again: boolean;
}

/** What the link is made of. */
export interface LinkOptions extends QueueLimits {
  readonly connection: NatsConnection;
  readonly headers: () => NatsHeaders;
  readonly clock: Clock;
  readonly patience: number;
}

/** The way to the server: how long anything waits for it, and what happens while it is away. */
export class NatsLink {
  readonly connection: NatsConnection;
  readonly clock: Clock;
  readonly patience: number;
  readonly #newHeaders: () => NatsHeaders;
  readonly #limits: QueueLimits;
  readonly #calls = new Set<Call>();
  #bytes = 0;
  #closed = false;
  #away = false;
  /** What is under way on the connection, and what waits for it to be back. */
  readonly #live = new Set<(reason: unknown) => void>();
  #back = new Set<() => void>();
  #flushing: Promise<void> | undefined;
  readonly #backlog: Backlog;
  #stopWatching = (): void => {};

  constructor({ connection, headers, clock, patience, ...limits }: LinkOptions) {
    this.connection = connection;
    this.clock = clock;
    this.patience = patience;
    this.#newHeaders = headers;
    this.#limits = limits;
    this.#backlog = new Backlog(limits.queueBytes, () => connection.flush());
  }

  /** Follows the connection; `back` is called when the server has all subscriptions again. */
  async watch(back: () => void): Promise<void> {
    const status = this.connection.status();
    // The client's iterators have a `stop`, which the language's own do not.
    this.#stopWatching = () => (status as { stop?: () => void }).stop?.();
    try {
      for await (const { type } of status) {
        if (this.#closed) return;
        if (type === "disconnect") this.#lose();
        else if (type === "reconnect") this.#find(back);
      }
    } catch {
      // The connection is closed; what is asked says so.
    }
  }

  #lose(): void {
    this.#away = true;
    for (const reject of this.#live) reject(new Error("The connection is lost"));
    this.#live.clear();
    this.#backlog.clear();
  }

  #find(back: () => void): void {
    this.#away = false;
    const waiting = this.#back;
    this.#back = new Set();
    for (const go of waiting) go();
    // Where it is lost again before that, the next time counts.
    this.flush().then(back, () => {});
  }

  /**
   * Does something for a caller, within the patience.
   *
   * @param work what is done; it waits for nothing but through the call
   * @param own whether it is the broker's own: then it does not count, and goes on when the broker is closed
   * @param size how long what it holds is: bytes, or characters of a text
   * @throws {PrismError} `unavailable` or `closed`, as a rejection
   */
  async within<Value>(work: (call: Call) => Promise<Value>, own = false, size = 0): Promise<Value> {
    if (!own) this.#admit(size);
    const call = new Call();
    const late = (): void => call.end(unavailable(`NATS does not answer within ${this.patience} ms`));
    const timer = this.clock.setTimer(late, this.patience);
    if (!own) {
      this.#bytes += size;
      this.#calls.add(call);
    }
    try {
      return await call.race(work(call));
    } catch (error) {
      throw isPrismError(error) ? error : unavailable(String((error as Error | undefined)?.message));
    } finally {
      timer.cancel();
      if (this.#calls.delete(call)) this.#bytes -= size;
      call.end(unavailable("It is over"));
    }
  }

  #admit(size: number): void {
    const { queue, queueBytes } = this.#limits;
    if (this.#closed) throw closed();
    if (this.#calls.size >= queue) throw unavailable(`${queue} others wait for NATS already`);
    if (size > 0 && this.#bytes > 0 && this.#bytes + size > queueBytes)
      throw unavailable("Too many bytes wait for NATS");
  }

  /** Ends all that callers wait for. */
  close(): void {
    this.#closed = true;
    for (const call of this.#calls) call.end(closed());
  }

  /** Hears no more of the connection. */
  stop(): void {
    this.#stopWatching();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Makes headers of some. */
  headers(entries: Readonly<Record<string, string | number | undefined>>): NatsHeaders {
    const headers = this.#newHeaders();
    for (const [name, value] of Object.entries(entries)) if (value !== undefined) headers.set(name, String(value));
    return headers;
  }

  /** Waits for a moment, longer with each round. */
  pause(call: Call, round: number): Promise<void> {
    const ms = Math.min(PAUSE.first * 2 ** round, PAUSE.most);
    return call.race(new Promise((resolve) => this.clock.setTimer(resolve, ms)));
  }

  /**
   * The server closes the connection of who sends it more than it takes; headers count as well.
   *
   * @throws {PrismError} `too_large`
   */
  fit(data: Uint8Array): Uint8Array {
    const most = (this.connection.info?.max_payload ?? Infinity) - HEADERS;
    if (data.length <= most) return data;
    throw new PrismError(
      "too_large",
      `The NATS server's max_payload leaves room for ${most} bytes, not ${data.length}`,
    );
  }

  /** Waits until the connection is there. */
  #up(call: Call): Promise<void> {
    if (!this.#away) return call.race(Promise.resolve());
    return call.race(new Promise((resolve) => this.#back.add(resolve)));
  }

  /** Waits for something that does not come any more where the connection is lost. */
  #alive<Value>(call: Call, promise: Promise<Value>): Promise<Value> {
    return call.race(race(promise, this.#live, () => undefined));
  }

  /** Waits until there is room for so many bytes, and takes it. */
  async #room(call: Call, size: number): Promise<void> {
    while (!this.#backlog.fits(size)) await this.#alive(call, this.#backlog.read());
    this.#backlog.add(size);
  }

  /**
   * Asks until it is answered.
   *
   * @param sent told of it where what was asked may have arrived before
   * @returns the answer, or `undefined` where nobody is there to answer
   */
  async request(
    call: Call,
    subject: string,
    payload: Uint8Array,
    headers?: NatsHeaders,
    sent?: Sent,
  ): Promise<NatsMessage | undefined> {
    const options = { timeout: ATTEMPT, ...(headers && { headers }) };
    for (let round = 0; ; round++) {
      await this.#up(call);
      try {
        await this.#room(call, payload.length);
        return await this.#alive(call, this.connection.request(subject, payload, options));
      } catch (error) {
        if (isNobody(error)) return undefined;
      }
      if (sent) sent.again = true;
      await this.pause(call, round);
    }
  }

  /** Sends something, so many bytes, until the server has read it, and all that was sent before. */
  async send(call: Call, size: number, send: () => void): Promise<void> {
    for (let round = 0; ; round++) {
      await this.#up(call);
      try {
        await this.#room(call, size);
        send();
        return await this.#alive(call, this.flush());
      } catch {
        await this.pause(call, round);
      }
    }
  }

  /** One flush for all of a turn. */
  flush(): Promise<void> {
    return (this.#flushing ??= Promise.resolve().then(() => {
      this.#flushing = undefined;
      return this.connection.flush();
    }));
  }

  /** Collects what comes on a subject of its own, up to a number or to a message without a label. */
  async receive(call: Call, inbox: string, count: number, ask: () => void): Promise<NatsMessage[]> {
    const all: NatsMessage[] = [];
    let done = (): void => {};
    const complete = new Promise<void>((resolve) => (done = resolve));
    const callback = (error: Error | null, message: NatsMessage): void => {
      if (!error && (message.headers?.code ?? 0) === 0) all.push(message);
      else done();
      if (all.length === count) done();
    };
    const subscription = this.connection.subscribe(inbox, { callback });
    try {
      ask();
      await this.#alive(call, complete);
    } catch (error) {
      if (call.over) throw error;
    } finally {
      subscription.unsubscribe();
    }
    return all;
  }
}

/** The engine does not do what it should. */
export function unavailable(message: string): PrismError {
  return new PrismError("unavailable", message);
}
