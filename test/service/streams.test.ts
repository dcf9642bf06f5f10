import { describe, expect, test } from "vitest";
import { PrismError } from "../../src/wire/errors.ts";
import type { Calling } from "../../src/service/call.ts";
import { TestAnswering } from "../connection/ends.ts";
import { expectNoUnhandledRejections, joinWith, watch, type Handler, type Joined, type Outcome } from "./joined.ts";

/* What a peer's streams cost once there are too many: nothing that was begun is left running. */

expectNoUnhandledRejections();

const busy = expect.objectContaining({ name: "PrismError", code: "busy" });
const twice = { server: { streams: 2 } };

/** A source without end, which notes when it is stopped. */
function createSource() {
  const source = {
    returned: 0,
    asked: 0,
    [Symbol.asyncIterator]: () => source,
    next: () => {
      source.asked++;
      return Promise.resolve({ done: false as const, value: source.asked });
    },
    return: () => {
      source.returned++;
      return Promise.resolve({ done: true as const, value: undefined });
    },
  };
  return source;
}

const endless = async function* (): AsyncGenerator<number> {
  for (;;) yield 1;
};

/** Takes none of a call's items, and drops none: without credit, the callee waits. */
function hold(call: Calling<unknown, unknown>): Outcome {
  call[Symbol.asyncIterator]();
  return watch(call);
}

/** How many streams can be opened beside those that are open. */
async function countRoom({ call, clock }: Joined): Promise<number> {
  const controller = new AbortController();
  for (let room = 0; ; room++) {
    expect(room).toBeLessThan(9);
    const end = hold(call("endless", { signal: controller.signal }));
    await clock.settle();
    if (end.error === undefined) continue;
    controller.abort();
    await clock.settle();
    return room;
  }
}

describe("a stream too many", () => {
  test("is stopped, its handler told, and its caller too", async () => {
    const sources = [createSource(), createSource(), createSource()];
    const { call, clock, answers, failed } = joinWith((body, { signal }) => {
      expect(signal.aborted).toBe(false);
      return sources[body as number];
    }, twice);
    const calls = [0, 1, 2].map((at) => hold(call(at)));
    await clock.settle();
    expect(calls).toEqual([{}, {}, { error: busy }]);
    expect(sources.map(({ returned }) => returned)).toEqual([0, 0, 1]);
    expect(sources[2]!.asked).toBe(0);
    expect(answers.map(({ signal }) => signal.aborted)).toEqual([false, false, true]);
    expect(failed).toEqual([]);
  });

  test("of a generator never runs it, of a stream cancels it, of a promise waits for it", async () => {
    let ran = false;
    let cancelled = false;
    const source = createSource();
    const { call, clock } = joinWith(
      (body) => {
        if (body === 0) {
          return (async function* () {
            ran = true;
            yield* endless();
          })();
        }
        if (body === 1) return new ReadableStream({ cancel: () => void (cancelled = true) });
        return Promise.resolve(source);
      },
      { server: { streams: 0 } },
    );
    const ends = [0, 1, 2].map((at) => hold(call(at)));
    await clock.settle();
    expect(ends).toEqual([{ error: busy }, { error: busy }, { error: busy }]);
    expect([ran, cancelled, source.returned]).toEqual([false, true, 1]);
  });

  test("that takes items hears that they are over", async () => {
    const items: unknown[] = [];
    const { call, clock, answers } = joinWith(
      async (_, answer) => {
        try {
          for await (const item of answer.items) items.push(item);
        } catch (error) {
          items.push(error);
        }
      },
      { server: { streams: 0 } },
    );
    const source = createSource();
    const outcome = watch(call(0, { items: source }));
    await clock.settle();
    expect(outcome).toEqual({ error: busy });
    expect(items).toEqual([expect.objectContaining({ code: "cancelled" })]);
    expect(answers[0]!.signal.aborted).toBe(true);
    expect(source.returned).toBe(1);
  });

  test("leaves plain calls alone", async () => {
    const { call, clock } = joinWith((body) => body, { server: { streams: 0 } });
    const outcome = watch(call(1));
    await clock.settle();
    expect(outcome).toEqual({ value: 1 });
  });
});

const ends: readonly [what: string, handler: Handler][] = [
  [
    "returned",
    async function* () {
      yield 1;
      return "done";
    },
  ],
  [
    "threw",
    async function* () {
      yield 1;
      throw new PrismError("teapot");
    },
  ],
  [
    "threw what cannot be told",
    async function* () {
      yield 1;
      throw new Error("secret");
    },
  ],
  [
    "gave what cannot be written",
    async function* () {
      yield 1n;
    },
  ],
  ["was cancelled", endless],
];

describe("a stream leaves its place when it", () => {
  test.each(ends)("%s", async (_, handler) => {
    const joined = joinWith((body, answer) => (body === "endless" ? endless() : handler(body, answer)), twice);
    const controller = new AbortController();
    for (let i = 0; i < 5; i++) hold(joined.call(i, { signal: controller.signal }));
    await joined.clock.settle();
    controller.abort();
    await joined.clock.settle();
    expect(await countRoom(joined)).toBe(2);
  });

  test.each<[string, Handler, boolean]>([
    [
      "is taken to its end",
      async (_, { items }) => {
        for await (const item of items) void item;
        await new Promise(() => {});
      },
      true,
    ],
    [
      "is dropped, and the caller says that it is over",
      (_, answer) => {
        answer.dropItems();
        return new Promise(() => {});
      },
      true,
    ],
    ["is not taken at all, and the handler is done", () => "done", true],
    [
      "is taken in part, and the handler leaves it",
      async (_, { items }) => {
        for await (const item of items) if (item === 2) break;
        return "enough";
      },
      true,
    ],
    ["is never taken by a handler that goes on, until that is cancelled", () => new Promise(() => {}), false],
  ])("comes in and %s", async (_, handler, ended) => {
    const joined = joinWith((body, answer) => (body === "endless" ? endless() : handler(body, answer)), twice);
    const controller = new AbortController();
    const { signal } = controller;
    async function* feed() {
      yield* [1, 2, 3];
    }
    void watch(joined.call(0, { items: feed(), signal }));
    await joined.clock.settle();
    if (!ended) {
      expect(await countRoom(joined)).toBe(1);
      controller.abort();
      await joined.clock.settle();
    }
    expect(await countRoom(joined)).toBe(2);
  });
});

test("a stream leaves its place when an item of it cannot be read", async () => {
  const joined = joinWith((body) => (body === "endless" ? endless() : new Promise(() => {})), twice);
  const outcome = watch(joined.call());
  await joined.clock.settle();
  joined.client.connection.send(">@1");
  await joined.clock.settle();
  expect(await countRoom(joined)).toBe(1);
  joined.client.connection.send(">@{");
  await joined.clock.settle();
  expect(outcome).toEqual({ error: expect.objectContaining({ code: "bad_input" }) });
  expect(await countRoom(joined)).toBe(2);
});

test("a stream that comes when its call is over takes no place", async () => {
  const source = createSource();
  let give!: () => void;
  const late = new Promise<typeof source>((resolve) => (give = () => resolve(source)));
  const joined = joinWith((body) => (body === "endless" ? endless() : late), twice);
  const controller = new AbortController();
  hold(joined.call(0, { signal: controller.signal }));
  await joined.clock.settle();
  controller.abort();
  await joined.clock.settle();
  give();
  await joined.clock.settle();
  expect(source).toMatchObject({ asked: 0, returned: 1 });
  expect(await countRoom(joined)).toBe(2);
});

test("what streams is stopped when the connection ends, and nothing is counted twice", async () => {
  const sources = [createSource(), createSource()];
  const { call, clock, server } = joinWith((body) => sources[body as number], twice);
  for (const at of [0, 1]) hold(call(at));
  await clock.settle();
  server.connection.end(new PrismError("lost"));
  await clock.settle();
  expect(sources.map(({ returned }) => returned)).toEqual([1, 1]);
  expect([1, 2, 3].map(() => server.connection.load.stream(new TestAnswering(), 1))).toEqual([true, true, false]);
});
