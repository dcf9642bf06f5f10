import { isPrismError, PrismError } from "../../src/wire/errors.ts";
import type { Call } from "../../src/service/call.ts";
import type { Clock } from "../../src/wire/clock.ts";
import type { Fail } from "./tap.ts";

export type Kind = "now" | "later" | "fail" | "stream" | "sum" | "echo" | "hang";

/** One call: what it asks for, and what has become of it. */
export interface Made {
  readonly serial: number;
  readonly kind: Kind;
  /** How many items, or how many ms. */
  readonly size: number;
  readonly timeout: number;
  readonly idempotent: boolean;
  readonly madeAt: number;
  /** The client that makes it; -1 for a server. */
  readonly client: number;
  /** The connection that a server makes it to. */
  readonly connection: string | undefined;
  abort(): void;
  /** Which codes it may fail with now, besides those of its kind. */
  excuse(code: string): boolean;
  aborted: boolean;
  runs: number;
  /** How often its connection was lost, each of which is leave to make it again. */
  lost: number;
  settled: boolean;
}

/** What travels as a call's body: its number, what it wants, and how much of that. */
export type CallBody = readonly [serial: number, kind: Kind, size: number];

interface Context {
  readonly signal: AbortSignal;
  readonly items: AsyncIterableIterator<unknown>;
}

/** All calls of a world, both ways, and the handlers that answer them. */
export class CallBook {
  readonly all: Made[] = [];
  readonly #clock: Clock;
  readonly #fail: Fail;

  constructor(clock: Clock, fail: Fail) {
    this.#clock = clock;
    this.#fail = fail;
  }

  get open(): readonly Made[] {
    return this.all.filter(({ settled }) => !settled);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.setTimer(resolve, ms));
  }

  /** Answers a call, at either end. */
  readonly handle = ([serial, kind, size]: CallBody, context: Context): unknown => {
    const made = this.all[serial]!;
    made.runs++;
    if (made.runs > 1 && (!made.idempotent || made.runs > 1 + made.lost))
      this.#fail(`call ${serial} (${kind}) was answered ${made.runs} times, and lost ${made.lost}`);
    if (kind === "now") return serial;
    if (kind === "later") return this.sleep(size).then(() => serial);
    if (kind === "fail") throw new PrismError("conflict", undefined, serial);
    if (kind === "stream") return this.#count(serial, size);
    if (kind === "sum") return this.#sum(serial, context.items);
    if (kind === "echo") return this.#echo(serial, context.items);
    return new Promise((_, reject) => context.signal.addEventListener("abort", reject));
  };

  async *#count(serial: number, size: number): AsyncGenerator<number, number> {
    for (let i = 0; i < size; i++) {
      if (i % 5 === 4) await this.sleep(serial % 4);
      yield i;
    }
    return serial;
  }

  async #sum(serial: number, items: AsyncIterable<unknown>): Promise<number> {
    let at = 0;
    for await (const item of items) {
      if (item !== at) this.#fail(`call ${serial}: its callee has item ${String(item)} where ${at} was to come`);
      if (at++ % 7 === 6) await this.sleep(pauseOf(serial));
    }
    return at;
  }

  async *#echo(serial: number, items: AsyncIterable<unknown>): AsyncGenerator<unknown, number> {
    let at = 0;
    for await (const item of items) {
      if (item !== at++) this.#fail(`call ${serial}: its callee has item ${String(item)} where ${at - 1} was to come`);
      yield item;
    }
    return serial;
  }

  /** What a caller sends with it. */
  async *items({ serial, size }: Made): AsyncGenerator<number> {
    for (let i = 0; i < size; i++) {
      if (i % 6 === 5) await this.sleep(serial % 3);
      yield i;
    }
  }

  /** Follows a call to its end, and holds that against what was asked for. */
  async follow(made: Made, call: Call<unknown, unknown>): Promise<void> {
    const { serial, kind, size } = made;
    try {
      let at = 0;
      if (kind === "stream" || kind === "echo") {
        for await (const item of call) {
          if (item !== at) this.#fail(`call ${serial}: its caller has item ${String(item)} where ${at} was to come`);
          if (at++ % 9 === 8) await this.sleep(pauseOf(serial));
        }
      }
      const value = await call;
      if (value !== (kind === "sum" ? size : serial)) this.#fail(`call ${serial} (${kind}) gave ${String(value)}`);
      if (kind === "fail" || kind === "hang") this.#fail(`call ${serial} (${kind}) did not fail`);
      if (made.runs === 0) this.#fail(`call ${serial} gave what nobody has answered`);
      if ((kind === "stream" || kind === "echo") && at !== size) this.#fail(`call ${serial}: ${at} of ${size} items`);
    } catch (error) {
      this.#failed(made, error);
    }
    made.settled = true;
  }

  #failed(made: Made, error: unknown): void {
    const { serial, kind } = made;
    const code = isPrismError(error) ? error.code : "none";
    const right =
      (code === "conflict" && kind === "fail") ||
      (code === "cancelled" && made.aborted) ||
      (code === "timeout" && this.#clock.now() - made.madeAt > made.timeout - 1) ||
      made.excuse(code);
    if (!right) this.#fail(`call ${serial} (${kind}) failed with ${String(error)}, ${code}`);
  }
}

/** How long whoever takes the items of a call is busy now and then, in ms: some are slow. */
function pauseOf(serial: number): number {
  return serial % 4 === 3 ? 90 : serial % 5;
}
