import type { Clock, Timer } from "../wire/clock.ts";
import { Patience, type Pending } from "./patience.ts";
import type { RedisArgument, RedisClient } from "./redis-client.ts";
import * as scripts from "./redis-scripts.ts";
import { RedisScript } from "./redis-scripts.ts";

/** How long after a failure that may pass something is asked again, in ms. */
const RETRY = 100;

/** What is asked with a client whose connection is lost, or of a server that is about to go or come. */
const passing =
  /^(LOADING|CLUSTERDOWN|MASTERDOWN|READONLY|TRYAGAIN|UNBLOCKED|MOVED|ASK|BUSY|NOREPLICAS)\b|connection is closed|timed out|timeout|isn't writeable|max retries|slots cache|too many cluster redirections|ECONN|EPIPE|ENOTFOUND|EHOSTUNREACH|socket|cluster is|startup nodes/i;

/** Asks Redis something. */
type Question = (client: RedisClient) => Promise<unknown>;

class Call implements Pending {
  readonly ask: Question;
  readonly resolve: (answer: unknown) => void;
  readonly fail: (error: unknown) => void;
  readonly size: number;
  held = false;

  constructor(ask: Question, size: number, resolve: (answer: unknown) => void, fail: (error: unknown) => void) {
    this.ask = ask;
    this.size = size;
    this.resolve = resolve;
    this.fail = fail;
  }
}

/**
 * Commands to Redis, on the user's own client: waits while that is away, asks again what may have been lost, and gives up in
 * time. What is asked must bear to be done twice.
 */
export class RedisLine {
  readonly #client: RedisClient;
  readonly #clock: Clock;
  readonly #patience: Patience;
  #waiting: Call[] = [];
  #prepared = false;
  #timer: Timer | undefined;

  constructor(client: RedisClient, clock: Clock, patience: Patience) {
    this.#client = client;
    this.#clock = clock;
    this.#patience = patience;
    void this.#prepare();
  }

  /** Runs a script; `size` is how long its arguments are, where that matters. */
  run(script: RedisScript, keys: readonly string[], args: readonly RedisArgument[], size = 0): Promise<unknown> {
    return this.#ask((client) => script.run(client, keys, args), size);
  }

  /** Publishes to who listens now. */
  publish(channel: string, message: string | Uint8Array): Promise<unknown> {
    return this.#ask((client) => client.publish(channel, message), message.length);
  }

  /** Sends what waits, if it can be sent. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const call of waiting) if (this.#patience.has(call)) this.#send(call);
  }

  #ask(ask: Question, size: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call = new Call(ask, size, resolve, reject);
      if (this.#patience.add(call)) this.#send(call);
    });
  }

  #send(call: Call): void {
    const { status } = this.#client;
    if (!this.#prepared || (status !== "ready" && status !== "wait")) {
      this.#wait(call);
      return;
    }
    call.held = true;
    call.ask(this.#client).then(
      (answer) => {
        this.#patience.release(call);
        if (this.#patience.done(call)) call.resolve(answer);
      },
      (error: unknown) => {
        this.#patience.release(call);
        if (!this.#patience.has(call)) return;
        if (passing.test(String((error as Error | undefined)?.message))) {
          this.#wait(call);
        } else {
          this.#patience.done(call);
          call.fail(error);
        }
      },
    );
  }

  #wait(call: Call): void {
    this.#waiting.push(call);
    if (!this.#patience.closed) this.#timer ??= this.#clock.setTimer(() => this.flush(), RETRY);
  }

  async #prepare(): Promise<void> {
    try {
      for (const script of Object.values(scripts)) if (script instanceof RedisScript) await script.prepare();
    } catch {
      // Scripts are sent whole then.
    }
    this.#prepared = true;
    this.flush();
  }
}
