import { Answering } from "../connection/exchange.ts";
import type { Codec } from "../wire/codecs.ts";
import { isPrismError, isWireError, PrismError } from "../wire/errors.ts";
import type { Body } from "../wire/frames.ts";
import { writeFailure } from "./failures.ts";
import { isThenable } from "./thenable.ts";
import { Inflow, isAsyncIterable, Outflow, type ItemSink } from "./items.ts";

/** What an answer needs to know of the service that gives it. */
export interface AnswerOptions {
  /** How results and items become bodies. */
  readonly codec: Codec;
  /** Refuses an item's body, by throwing, before it is read. */
  check?(body: Body): void;
  /** What the caller is told of unexpected errors, if anything. */
  readonly describe?: ((error: unknown) => string | undefined) | undefined;
  /** Hears of errors that the caller is not told. Never throws. */
  failed(error: unknown): void;
  /** Hears of errors that the caller is told. Never throws. */
  refused?(error: PrismError): void;
}

/** A peer's call while its handler is at work: what the handler returns or throws becomes the call's ending. */
export class Answer extends Answering implements ItemSink {
  readonly #options: AnswerOptions;
  #controller: AbortController | undefined;
  #inflow: Inflow<unknown> | undefined;
  #outflow: Outflow | undefined;
  #cancelled = false;
  #working = false;
  #dropping = false;

  /** @param options the service's */
  constructor(options: AnswerOptions) {
    super();
    this.#options = options;
  }

  /** Aborted when the caller no longer wants the call, or is gone. Made when it is first asked for. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#cancelled) this.#controller.abort(new PrismError("cancelled"));
    return this.#controller.signal;
  }

  /** The items that the caller sends. */
  get items(): Inflow<unknown> {
    if (this.#inflow === undefined) {
      this.#inflow = new Inflow(
        () => this.took(),
        () => {},
      );
      if (this.over) this.#inflow.end(new PrismError("cancelled"));
    }
    return this.#inflow;
  }

  /** Is at work from now on, whatever becomes of the call, until {@linkcode Answer.rest}. */
  work(): void {
    this.#working = true;
    this.carrier?.load?.begin();
  }

  /** Is at work no longer: its handler is done, or never began. */
  rest(): void {
    if (this.#working) this.carrier?.load?.end();
    this.#working = false;
  }

  /**
   * Runs a handler and ends the call with what becomes of it. A handler that returns a plain value costs no promise.
   *
   * @param handler returns a value, a promise or an async iterable, or throws
   * @param body the handler's first argument
   * @param context the handler's second argument
   * @throws {WireError} if the handler found at once that its input breaks the protocol
   */
  run<Context>(handler: (body: unknown, context: Context) => unknown, body: unknown, context: Context): void {
    try {
      this.settle(handler(body, context));
    } catch (error) {
      if (isWireError(error)) throw error;
      this.#fail(error);
    }
  }

  /** Ends the call with a value, or with what a promise or an async iterable comes to. */
  settle(outcome: unknown): void {
    try {
      const late = isThenable(outcome) ? outcome : isAsyncIterable(outcome) ? this.#send(outcome) : undefined;
      if (late === undefined) return this.#finish(outcome);
      late.then(
        (value) => this.settle(value),
        (error) => this.#fail(error),
      );
    } catch (error) {
      if (isWireError(error)) throw error;
      this.#fail(error);
    }
  }

  /** Ends the call with an error that is not its handler's; a handler that is at work is told that nobody waits. */
  fail(error: unknown): void {
    this.#endWith(error);
    this.oncancel();
  }

  #fail(error: unknown): void {
    this.rest();
    this.#endWith(error);
  }

  #endWith(error: unknown): void {
    if (this.over) return this.#release();
    const { describe } = this.#options;
    if (isWireError(error)) return this.#endWith(new PrismError("bad_input", error.message));
    if (isPrismError(error)) this.#options.refused?.(error);
    else this.#options.failed(error);
    try {
      this.failure(writeFailure(error, describe));
    } catch {
      this.failure(writeFailure(new PrismError("too_large")));
    }
    this.#release();
  }

  /** Drops the items that the caller sends: nobody is going to take them. */
  dropItems(): void {
    this.#dropping = true;
    this.#inflow?.drop();
  }

  emit(item: unknown): void {
    this.item(this.#options.codec.encode(item));
  }

  onmore(): void {
    this.#outflow?.more();
  }

  onitem(body: Body): void {
    if (this.#dropping) return this.took();
    let item: unknown;
    try {
      this.#options.check?.(body);
      item = this.#options.codec.decode(body);
    } catch (error) {
      if (isWireError(error)) throw error;
      return this.fail(isPrismError(error) ? error : new PrismError("bad_input", "Unreadable item"));
    }
    this.items.push(item);
  }

  onfinish(): void {
    this.items.end();
  }

  oncancel(): void {
    const error = new PrismError("cancelled");
    this.#cancelled = true;
    this.#controller?.abort(error);
    this.#outflow?.stop();
    // The handler may be on its way to what came before.
    this.#inflow?.end(error);
  }

  #finish(value: unknown): void {
    this.rest();
    if (this.over) return this.#release();
    try {
      this.result(this.#options.codec.encode(value));
    } catch (error) {
      return this.#fail(error);
    }
    this.#release();
  }

  #send(items: AsyncIterable<unknown>): Promise<unknown> {
    this.#outflow = new Outflow(items, this);
    if (this.over) this.#outflow.stop();
    else if (!this.streamOut()) {
      // Also for what was begun before there were items: the iterator alone may not know of it.
      this.oncancel();
      throw new PrismError("busy");
    }
    return this.#outflow.run();
  }

  /** The handler is done: lets go of a source of items, and of items that nobody is going to take any more. */
  #release(): void {
    this.#outflow?.stop();
    this.#inflow?.drop(new PrismError("cancelled"));
  }
}
