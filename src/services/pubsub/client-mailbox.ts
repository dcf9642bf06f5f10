import { PrismError } from "../../wire/errors.ts";

/** How many messages wait for an iteration that is slow: 4,096. One more ends it, so that memory is bounded. */
const MOST = 4096;

/** The messages of one iteration, until they are taken. */
export class Mailbox implements AsyncIterator<unknown> {
  readonly #messages: unknown[] = [];
  readonly #waiting: { resolve(result: IteratorResult<unknown>): void; reject(error: unknown): void }[] = [];
  readonly #done: () => void;
  #failure: { readonly error: unknown } | undefined;
  #over = false;

  /** @param done called once, when nobody takes messages any more */
  constructor(done: () => void) {
    this.#done = done;
  }

  put(message: unknown): void {
    if (this.#over) return;
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting.resolve({ done: false, value: message });
    else if (this.#messages.length < MOST) this.#messages.push(message);
    else this.fail(new PrismError("too_large", `More than ${MOST} messages wait`));
  }

  /** Ends it: who iterates gets what is there, then the error. */
  fail(error: unknown): void {
    if (this.#over) return;
    const waiting = this.#waiting.splice(0);
    if (waiting.length === 0) this.#failure = { error };
    for (const one of waiting) one.reject(error);
    this.#end();
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#messages.length > 0) return Promise.resolve({ done: false, value: this.#messages.shift() });
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) return Promise.reject(failure.error);
    if (this.#over) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<unknown>> {
    this.#messages.length = 0;
    this.#failure = undefined;
    for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#done();
  }
}
