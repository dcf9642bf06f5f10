import { Asking } from "../connection/exchange.ts";
import type { Clock } from "../wire/clock.ts";
import type { Codec } from "../wire/codecs.ts";
import { isWireError, PrismError } from "../wire/errors.ts";
import type { Body } from "../wire/frames.ts";
import { Inflow, Outflow, type ItemSink, type ItemSource } from "./items.ts";

/** What a call can be given. */
export interface CallOptions {
  /** Ends the call with `cancelled` when it aborts; the callee's handler hears of it. */
  readonly signal?: AbortSignal | undefined;
  /**
   * After how many ms without a word of the callee the call fails with `timeout`: 30,000 where nothing is said. Each item
   * begins the time anew. `Infinity` for never, as a stream wants it that may be silent for long.
   */
  readonly timeout?: number | undefined;
  /** Items to send to the callee, as fast as it takes them. */
  readonly items?: ItemSource | undefined;
  /**
   * Whether a call whose outcome was lost with the connection is made again, as one may whose effect is the same twice. One
   * that has sent or received items is not.
   */
  readonly idempotent?: boolean | (() => boolean) | undefined;
}

/**
 * A call under way. Await it for the result, iterate it for the items that come before it. Awaited without being
 * iterated, items are dropped; leaving the iteration early cancels the call.
 */
export interface Call<Result, Item = never> extends Promise<Result>, AsyncIterable<Item, Result> {}

/** What a call needs to know of the service that makes it. */
export interface CallingOptions {
  /** How results and items become values, and items bodies. */
  readonly codec: Codec;
  /** How long the callee may be silent, in ms. */
  readonly timeout: number;
  /** The connection's clock. */
  readonly clock: Clock;
}

/** The calling end. Its promise is made when it is first asked for, so that nobody's rejection goes unhandled. */
export class Calling<Result, Item> extends Asking implements Call<Result, Item>, ItemSink {
  readonly [Symbol.toStringTag] = "Call";
  readonly #codec: Codec;
  readonly #signal: AbortSignal | undefined;
  readonly #outflow: Outflow | undefined;
  /** Whether it has come to its end, on this side at least. */
  settled = false;
  /** What it has come to: the result, or nothing where there is none. */
  #result: Result | undefined;
  #failed = false;
  #error: unknown;
  #promise: Promise<Result> | undefined;
  #settle: (() => void) | undefined;
  #inflow: Inflow<Item> | undefined;
  #dropping = false;
  #iterated = false;
  /** Makes it again, if that can be. Nothing for one that must not be. */
  again: (() => boolean) | undefined;

  /**
   * @param options the call's, of whoever makes it
   * @param given the service's
   */
  constructor(options: CallOptions | undefined, given: CallingOptions) {
    super();
    this.#codec = given.codec;
    this.timeout = given.timeout;
    this.deadline = given.clock.now() + given.timeout;
    this.#signal = options?.signal;
    try {
      if (options?.items !== undefined) this.#outflow = new Outflow(options.items, this);
      if (this.#signal?.aborted) this.#abort();
      else this.#signal?.addEventListener("abort", this.#abort);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Starts sending items. Called once the call is under way. */
  start(): void {
    this.#outflow?.run().then(
      () => this.finish(),
      (error) => this.fail(error),
    );
  }

  then<A = Result, B = never>(
    onfulfilled?: ((value: Result) => A | PromiseLike<A>) | null,
    onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    if (!this.#iterated) {
      this.#dropping = true;
      this.#inflow?.drop();
      this.#inflow = undefined;
    }
    this.#promise ??= new Promise((resolve, reject) => {
      this.#settle = () => (this.#failed ? reject(this.#error) : resolve(this.#result!));
      if (this.settled) this.#settle();
    });
    return this.#promise.then(onfulfilled, onrejected);
  }

  catch<B = never>(onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<Result | B> {
    return this.then(undefined, onrejected);
  }

  finally(onfinally?: (() => void) | null): Promise<Result> {
    return this.then().finally(onfinally);
  }

  [Symbol.asyncIterator](): AsyncIterator<Item, Result> {
    this.#iterated = true;
    this.#dropping = false;
    const inflow = this.#items;
    return {
      next: async () => {
        const step = await inflow.next();
        return step.done === true ? { done: true, value: this.#result! } : step;
      },
      return: async () => {
        await inflow.return();
        return { done: true, value: this.#result! };
      },
    };
  }

  get #items(): Inflow<Item> {
    if (this.#inflow === undefined) {
      this.#inflow = new Inflow(
        () => this.took(),
        () => this.#abort(),
      );
      if (this.settled) this.#inflow.end(this.#error);
    }
    return this.#inflow;
  }

  emit(item: unknown): void {
    this.item(this.#codec.encode(item));
  }

  onmore(): void {
    this.#outflow?.more();
  }

  onitem(body: Body): void {
    this.again = undefined;
    if (this.over || this.#dropping) return this.took();
    try {
      this.#items.push(this.#codec.decode(body) as Item);
    } catch (error) {
      if (isWireError(error)) throw error;
      this.fail(new PrismError("bad_output", "Unreadable item"));
    }
  }

  onresult(body: Body): void {
    try {
      const result = this.#codec.decode(body) as Result;
      if (!this.settled) this.#result = result;
      this.#end();
    } catch (error) {
      this.#fail(new PrismError("bad_output", "Unreadable result"));
      if (isWireError(error)) throw error;
    }
  }

  onfailure(error: PrismError): void {
    // Nobody knows whether the callee has done it.
    if (error.code === "lost" && this.#outflow === undefined && !this.settled && this.again?.() === true) return;
    this.over = true;
    this.#fail(error);
  }

  onexpired(): void {
    this.fail(new PrismError("timeout", `Nothing heard within ${this.timeout} ms`));
  }

  /** Fails on this side, and tells the peer that nobody waits any more. */
  fail(error: unknown): void {
    this.cancel();
    this.#fail(error);
  }

  readonly #abort = (): void => {
    const error = new PrismError("cancelled");
    error.cause = this.#signal?.reason;
    this.fail(error);
  };

  #fail(error: unknown): void {
    if (this.settled) return;
    this.#failed = true;
    this.#error = error;
    this.#end();
  }

  #end(): void {
    if (this.settled) return;
    this.settled = true;
    this.timeout = this.deadline = Infinity;
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#settle?.();
    this.#inflow?.end(this.#error);
    this.#outflow?.stop();
  }
}
