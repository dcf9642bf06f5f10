import type { AppEvents, EventBus } from "../service/hosts.ts";
import type { Clock, Timer } from "../wire/clock.ts";
import type { BucketSize } from "./token-bucket.ts";

/** What became of taking tokens from a shared bucket. */
export interface SharedTake {
  /** Whether they were taken. */
  readonly allowed: boolean;
  /** How many tokens are left. */
  readonly remaining: number;
  /** When they will be there, in ms from now; 0 if they were taken. */
  readonly retryAfter: number;
}

/** The port to buckets that several servers share. Buckets of one key and different sizes are different buckets. */
export interface SharedBuckets {
  /**
   * Takes tokens from the bucket of a key, which is full where nothing is known of it. MUST be atomic, MUST take nothing
   * where it does not allow it, and MUST forget a bucket that is full. Takes of one server SHOULD be answered in order.
   *
   * @param key whose bucket
   * @param cost how many tokens, more than 0 and at most `size.burst`
   * @param size how large the bucket is, and how fast it fills
   * @returns what became of it
   */
  take(key: string, cost: number, size: BucketSize): Promise<SharedTake>;
}

/** How long shared buckets that failed are left alone, in ms. Then one message is tried on them. */
const PAUSE = 1000;

interface Question {
  readonly asked: number;
  answer(take: SharedTake | undefined): void;
}

/** Asks shared buckets, but not for longer than they may take, and seldom while they fail. */
export class SharedAsker {
  readonly #buckets: SharedBuckets;
  readonly #size: BucketSize;
  readonly #timeout: number;
  /** What is not answered yet, the oldest first. */
  readonly #open = new Set<Question>();
  #timer: Timer | undefined;
  #failing = false;
  #askAgain = 0;

  /**
   * @param buckets the shared buckets
   * @param size how large they are
   * @param timeout how long they may take, in ms
   */
  constructor(buckets: SharedBuckets, size: BucketSize, timeout: number) {
    this.#buckets = buckets;
    this.#size = size;
    this.#timeout = timeout;
  }

  /**
   * Takes tokens from a shared bucket.
   *
   * @param key whose
   * @param cost how many
   * @param clock the app's
   * @param events hears, as `error`, that they fail, once until they work again
   * @returns what became of it, `undefined` if they fail; or `undefined` at once while they are known to
   */
  ask(
    key: string,
    cost: number,
    clock: Clock,
    events: EventBus<AppEvents>,
  ): Promise<SharedTake | undefined> | undefined {
    const now = clock.now();
    this.#expire(now, events);
    if (!this.#failing) return this.#ask(key, cost, clock, events);
    // Whether they work again is found out beside what goes on without them.
    if (now >= this.#askAgain && this.#open.size === 0) void this.#ask(key, cost, clock, events);
    return undefined;
  }

  #ask(key: string, cost: number, clock: Clock, events: EventBus<AppEvents>): Promise<SharedTake | undefined> {
    return new Promise((resolve) => {
      const question: Question = {
        asked: clock.now(),
        answer: (take) => {
          this.#open.delete(question);
          resolve(take);
        },
      };
      this.#open.add(question);
      this.#watch(clock, events);
      // An async function, so that buckets that throw are ones that reject.
      (async () => this.#buckets.take(key, cost, this.#size))().then(
        (take) => {
          // One that comes too late says nothing of how it is now.
          if (!this.#open.has(question)) return;
          this.#failing = false;
          question.answer(take);
        },
        (error: unknown) => {
          if (this.#open.has(question)) this.#fail(error, clock.now(), events);
        },
      );
    });
  }

  /** They fail: whoever waits for them waits no longer. */
  #fail(cause: unknown, now: number, events: EventBus<AppEvents>): void {
    const first = !this.#failing;
    this.#failing = true;
    this.#askAgain = now + PAUSE;
    for (const question of this.#open) question.answer(undefined);
    if (first) events.emit("error", new Error("Shared rate limits fail: each server goes by its own", { cause }));
  }

  #expire(now: number, events: EventBus<AppEvents>): void {
    const [oldest] = this.#open;
    if (oldest === undefined || now - oldest.asked < this.#timeout) return;
    this.#fail(new Error(`No answer in ${this.#timeout} ms`), now, events);
  }

  /** Waits for the oldest: one timer serves all. */
  #watch(clock: Clock, events: EventBus<AppEvents>): void {
    const [oldest] = this.#open;
    if (oldest === undefined || this.#timer !== undefined) return;
    this.#timer = clock.setTimer(
      () => {
        this.#timer = undefined;
        this.#expire(clock.now(), events);
        this.#watch(clock, events);
      },
      oldest.asked + this.#timeout - clock.now(),
    );
  }
}
