import type { Load } from "../connection/load.ts";
import type { Carrier } from "../connection/exchange.ts";
import { isPrismError, PrismError } from "../wire/errors.ts";
import { Answer, type AnswerOptions } from "./answer.ts";
import { writeFailure } from "./failures.ts";

/** What an answer at a server needs to know of the service that gives it. */
export interface ServerAnswerOptions extends AnswerOptions {
  /** What the caller is told of unexpected errors, if anything. */
  readonly describe?: ((error: unknown) => string | undefined) | undefined;
  /** Hears of errors that the caller is told. Never throws. */
  refused?(error: PrismError): void;
}

/** An answer at a server: it counts in what its client may have in progress. */
export class ServerAnswer extends Answer {
  declare protected readonly options: ServerAnswerOptions;
  declare protected carrier: (Carrier & { readonly load: Load }) | undefined;
  #working = false;

  /** @param options the service's */
  // oxlint-disable-next-line no-useless-constructor -- it takes more than its parent does
  constructor(options: ServerAnswerOptions) {
    super(options);
  }

  /** Is at work from now on, whatever becomes of the call, until {@linkcode ServerAnswer.rest}. */
  work(): void {
    this.#working = true;
    this.carrier?.load.begin();
  }

  override rest(): void {
    if (this.#working) this.carrier?.load.end();
    this.#working = false;
  }

  protected override report(error: unknown): string {
    const { describe } = this.options;
    if (isPrismError(error)) this.options.refused?.(error);
    else this.options.failed(error);
    return writeFailure(error, describe);
  }

  protected override stream(): void {
    if (this.carrier?.load.stream(this, 2) !== false) return;
    // Also for what was begun before there were items: the iterator alone may not know of it.
    this.oncancel();
    throw new PrismError("busy");
  }
}
