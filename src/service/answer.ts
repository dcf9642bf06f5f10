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
  /** Hears of errors that the caller is not told. Never throws. */
  failed(error: unknown): void;
}

/** A peer's call while its handler is at work: what the handler returns or throws becomes the call's ending. */
export class Answer extends Answering implements ItemSink {
  protected readonly options: AnswerOptions;
  #controller: AbortController | undefined;
  #inflow: Inflow<unknown> | undefined;
  #outflow: Outflow | undefined;
  #cancelled = false;
  #dropping = false;

  /** @param options the service's */
  constructor(options: AnswerOptions) {
    super();
    this.options = options;
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

  /** Is at work no longer: its handler is done, or never began. */
  rest(): void {}

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
    if (isWireError(error)) return this.#endWith(new PrismError("bad_input", error.message));
    try {
      this.failure(this.report(error));
    } catch {
      this.failure(writeFailure(new PrismError("too_large")));
    }
    this.#release();
  }

  /**
   * Says what the caller is not told, where it is heard of.
   *
   * @returns what the caller is told, as `!` has it
   */
  protected report(error: unknown): string {
    if (!isPrismError(error)) this.options.failed(error);
    return writeFailure(error);
  }

  /** Drops the items that the caller sends: nobody is going to take them. */
  dropItems(): void {
    this.#dropping = true;
    this.#inflow?.drop();
  }

  emit(item: unknown): void {
    this.item(this.options.codec.encode(item));
  }

  onmore(): void {
    this.#outflow?.more();
  }

  onitem(body: Body): void {
    if (this.#dropping) return this.took();
    let item: unknown;
    try {
      item = this.options.codec.decode(body);
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
      this.result(this.options.codec.encode(value));
    } catch (error) {
      return this.#fail(error);
    }
    this.#release();
  }

  #send(items: AsyncIterable<unknown>): Promise<unknown> {
    this.#outflow = new Outflow(items, this);
    if (this.over) this.#outflow.stop();
    else this.stream();
    return this.#outflow.run();
  }

  /** Begins to send items. May throw. */
  protected stream(): void {}

  /** The handler is done: lets go of a source of items, and of items that nobody is going to take any more. */
  #release(): void {
    this.#outflow?.stop();
    this.#inflow?.drop(new PrismError("cancelled"));
  }
}
