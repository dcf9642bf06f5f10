import { afterEach, beforeEach, expect } from "vitest";
import type { Answer } from "../../src/service/answer.ts";
import { Calling, type CallOptions } from "../../src/service/call.ts";
import { toShallowCodec } from "../../src/service/depth.ts";
import { ServerAnswer } from "../../src/service/server-answer.ts";
import { describeError } from "../../src/service/failures.ts";
import { json, type Codec } from "../../src/wire/codecs.ts";
import { createEnds, type EndOptions, type Ends } from "../connection/ends.ts";

/** A handler as services give it. */
export type Handler = (body: unknown, answer: Answer) => unknown;

/** A caller and a callee that are joined. */
export interface Joined extends Ends {
  /** Answers, in the order of their calls. */
  readonly answers: Answer[];
  /** What the callee's side heard of failures that the caller is not told of. */
  readonly failed: unknown[];
  /** Calls the handler. */
  call<Item = unknown>(body?: unknown, options?: CallOptions): Calling<unknown, Item>;
}

/** What the two can be given. */
export interface JoinedOptions {
  readonly codec?: Codec;
  readonly exposeErrors?: boolean;
  readonly client?: EndOptions;
  readonly server?: EndOptions;
}

/** Joins a caller with a handler, as the hosts of services do. */
export function joinWith(handler: Handler, options: JoinedOptions = {}): Joined {
  const { codec = json, exposeErrors = false } = options;
  const ends = createEnds(options.client, options.server);
  const { clock, client, server } = ends;
  const answers: Answer[] = [];
  const failed: unknown[] = [];
  server.take = (_, id, body) => {
    const answer = new ServerAnswer({
      codec: toShallowCodec(codec, 512),
      describe: exposeErrors ? describeError : undefined,
      failed: (error) => void failed.push(error),
    });
    answers.push(answer);
    server.connection.answer(id, answer);
    answer.run(handler, codec.decode(body), answer);
  };
  return {
    ...ends,
    answers,
    failed,
    call<Item>(body?: unknown, callOptions?: CallOptions) {
      const timeout = callOptions?.timeout ?? 30_000;
      const call = new Calling<unknown, Item>(callOptions, { codec, clock, timeout });
      if (call.settled) return call;
      client.connection.ask(0, codec.encode(body), call);
      call.start();
      return call;
    },
  };
}

/** What came of a promise, without waiting for it. */
export interface Outcome {
  value?: unknown;
  error?: unknown;
}

/** Watches a promise or a call: the outcome stays empty until there is one. */
export function watch(promise: PromiseLike<unknown>): Outcome {
  const outcome: Outcome = {};
  promise.then(
    (value) => void (outcome.value = value),
    (error: unknown) => void (outcome.error = error),
  );
  return outcome;
}

/** Iterates a call: what came, in order, then what it ended with. */
export function collect(items: AsyncIterable<unknown>): { readonly items: unknown[]; readonly end: Outcome } {
  const taken: unknown[] = [];
  const run = async (): Promise<unknown> => {
    const iterator = items[Symbol.asyncIterator]();
    for (;;) {
      const step: IteratorResult<unknown, unknown> = await iterator.next();
      if (step.done === true) return step.value;
      taken.push(step.value);
    }
  };
  return { items: taken, end: watch(run()) };
}

/** Makes each test of a file fail that leaves a rejection unhandled. */
export function expectNoUnhandledRejections(): void {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  beforeEach(() => {
    unhandled.length = 0;
    process.on("unhandledRejection", note);
  });
  afterEach(async () => {
    // Rejections are told of at the end of a turn of the event loop.
    await new Promise((resolve) => {
      setImmediate(() => setImmediate(resolve));
    });
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
  });
}
