/** A source of items: anything that can be iterated, or a stream. */
export type ItemSource<Item = unknown> = AsyncIterable<Item> | Iterable<Item> | ReadableStream<Item>;

interface Waiting<Item> {
  resolve(result: IteratorResult<Item, undefined>): void;
  reject(error: unknown): void;
}

/** Items that arrive, for whoever iterates. It holds no more than the credit allows. */
export class Inflow<Item> implements AsyncIterableIterator<Item, undefined> {
  readonly #took: () => void;
  readonly #stopped: () => void;
  #items: Item[] = [];
  #waiting: Waiting<Item>[] = [];
  #ended = false;
  #error: unknown;

  /**
   * @param took called with each item that was taken or dropped
   * @param stopped called when the iterating side wants no more
   */
  constructor(took: () => void, stopped: () => void) {
    this.#took = took;
    this.#stopped = stopped;
  }

  /** Adds an item; after the end it is dropped. */
  push(item: Item): void {
    if (this.#ended) return this.#took();
    const waiting = this.#waiting.shift();
    if (waiting === undefined) {
      this.#items.push(item);
      return;
    }
    waiting.resolve({ done: false, value: item });
    this.#took();
  }

  /** Says that nothing follows; with an error, iterating throws it once the items are taken. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    const [first, ...others] = this.#waiting;
    this.#waiting = [];
    if (first === undefined) return;
    this.#finish(first);
    for (const waiting of others) waiting.resolve({ done: true, value: undefined });
  }

  /** Drops what is waiting and all that comes; with an error, iterating throws it. */
  drop(error?: unknown): void {
    const { length } = this.#items;
    this.#items = [];
    this.end(error);
    for (let i = 0; i < length; i++) this.#took();
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    return new Promise((resolve, reject) => {
      if (this.#items.length > 0) {
        resolve({ done: false, value: this.#items.shift()! });
        this.#took();
      } else if (this.#ended) this.#finish({ resolve, reject });
      else this.#waiting.push({ resolve, reject });
    });
  }

  return(): Promise<IteratorResult<Item, undefined>> {
    this.#error = undefined;
    this.drop();
    this.#stopped();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #finish(waiting: Waiting<Item>): void {
    const error = this.#error;
    this.#error = undefined;
    if (error === undefined) waiting.resolve({ done: true, value: undefined });
    else waiting.reject(error);
  }
}

/** Where an outflow sends items: one end of a call. */
export interface ItemSink {
  /** How many items may be sent. */
  readonly credit: number;
  /** Whether an item may be sent now: there is credit, and not too much waits. */
  readonly ready: boolean;
  /** Waits until there may be room for an item. */
  room(): Promise<void>;
  /** Sends one item. Throws where that cannot be. */
  emit(item: unknown): void;
  /** Waits until this turn of the event loop is over. */
  turn(): Promise<void>;
}

/** Items in a row before others get a turn: a source that never waits, with credit without end, would never let go. */
const BURST = 64;

/** Items on their way out: the source is asked for one only when it can be sent. */
export class Outflow {
  readonly #iterator: AnyIterator;
  readonly #sink: ItemSink;
  #resume: (() => void) | undefined;
  #over = false;

  /**
   * @param source where items come from
   * @param sink where they go
   */
  constructor(source: ItemSource, sink: ItemSink) {
    this.#iterator = toIterator(source);
    this.#sink = sink;
  }

  /**
   * Sends all items.
   *
   * @returns what the source returned at its end; nothing if it was stopped before
   * @throws what the source or the sink throws
   */
  async run(): Promise<unknown> {
    try {
      for (let sent = 1; !this.#over;) {
        if (this.#sink.credit < 1) await new Promise<void>((resolve) => (this.#resume = resolve));
        else if (!this.#sink.ready) await this.#sink.room();
        else {
          const step = await this.#iterator.next();
          if (step.done === true) {
            this.#over = true;
            return step.value;
          }
          if (!this.#over) this.#sink.emit(step.value);
          if (sent++ % BURST === 0) await this.#sink.turn();
        }
      }
      return undefined;
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** Says that there is credit again. */
  more(): void {
    this.#resume?.();
  }

  /** Ends the source early. It is not waited for: it may be in the middle of something that never settles. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    this.more();
    void (async () => this.#iterator.return?.(undefined))().catch(() => {});
  }
}

type AnyIterator = AsyncIterator<unknown> | Iterator<unknown>;

function toIterator(source: ItemSource): AnyIterator {
  if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]();
  if (Symbol.iterator in source) return source[Symbol.iterator]();
  // Not every browser iterates streams.
  const reader = (source as ReadableStream).getReader();
  return {
    next: () => reader.read() as Promise<IteratorResult<unknown>>,
    return: async () => {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  };
}

/**
 * Whether something can be iterated asynchronously, as what an async generator gives.
 *
 * @param value anything
 * @returns true if it can
 */
export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
