import { describe, expect, test } from "vitest";
import { PrismError } from "../../src/wire/errors.ts";
import { createBare } from "../connection/ends.ts";
import { Answer } from "../../src/service/answer.ts";
import { json } from "../../src/wire/codecs.ts";
import { collect, expectNoUnhandledRejections, joinWith, watch } from "./joined.ts";

expectNoUnhandledRejections();

const error = (code: string): unknown => expect.objectContaining({ name: "PrismError", code });

describe("a handler that returns", () => {
  test("a plain value makes no promise, and answers in the same turn", () => {
    const { end, peer } = createBare();
    end.take = (_, id, body) => {
      const answer = new Answer({ codec: json, failed: () => {} });
      end.connection.answer(id, answer);
      answer.run((value) => value, json.decode(body), answer);
      expect(answer.over).toBe(true);
    };
    peer.send("?@@[1]");
    // Two turns of the clock and no promise: nothing here is asynchronous.
    end.clock.turn();
    end.clock.turn();
    expect(end.packets).toEqual(["=@[1]"]);
  });

  test.each([
    ["nothing", undefined, undefined],
    ["null", null, null],
    ["false", false, false],
    ["a list", [1, 2], [1, 2]],
    ["an object with a member `then` that is no function", { then: 1 }, { then: 1 }],
  ])("%s answers with it", async (_, value, expected) => {
    const { clock, call } = joinWith(() => value);
    const outcome = watch(call());
    await clock.settle();
    expect(outcome).toEqual({ value: expected });
  });

  test("a promise, a thenable, a promise of a generator answers with what it comes to", async () => {
    const { clock, call } = joinWith((body) => {
      if (body === 0) return Promise.resolve("promise");
      if (body === 1) return { then: (resolve: (value: string) => void) => resolve("thenable") };
      return Promise.resolve(
        (async function* () {
          yield "item";
          return "generator";
        })(),
      );
    });
    const outcomes = [watch(call(0)), watch(call(1))];
    const { items, end } = collect(call(2));
    await clock.settle();
    expect(outcomes).toEqual([{ value: "promise" }, { value: "thenable" }]);
    expect([items, end]).toEqual([["item"], { value: "generator" }]);
  });

  test("a stream sends its items, and ends with nothing", async () => {
    const { clock, call } = joinWith(
      () =>
        new ReadableStream<number>({
          start(to) {
            to.enqueue(1);
            to.enqueue(2);
            to.close();
          },
        }),
    );
    const { items, end } = collect(call());
    await clock.settle();
    expect(items).toEqual([1, 2]);
    expect(end).toEqual({ value: undefined });
  });

  test.each([
    ["a bigint", 1n],
    [
      "a cycle",
      (() => {
        const a: unknown[] = [];
        a.push(a);
        return a;
      })(),
    ],
    [
      "a toJSON that throws",
      {
        toJSON: () => {
          throw new Error("no");
        },
      },
    ],
  ])("what JSON cannot write fails with internal: %s", async (_, value) => {
    const { clock, call, failed } = joinWith(() => value);
    const outcome = watch(call());
    await clock.settle();
    expect(outcome.error).toEqual(error("internal"));
    expect(failed).toHaveLength(1);
  });

  test("what no packet holds fails with too_large, and not the others", async () => {
    const { clock, call } = joinWith((body) => "x".repeat(body as number), { server: { frameOut: 100 } });
    const outcomes = [watch(call(200)), watch(call(10))];
    await clock.settle();
    expect(outcomes[0]!.error).toEqual(error("too_large"));
    expect(outcomes[1]).toEqual({ value: "x".repeat(10) });
  });
});

describe("a handler that fails", () => {
  const fails: [string, (reason: unknown) => unknown][] = [
    [
      "at once",
      (reason) => {
        throw reason;
      },
    ],
    ["as a promise", (reason) => Promise.reject(reason)],
    [
      "late",
      async (reason) => {
        for (let i = 0; i < 5; i++) await Promise.resolve();
        throw reason;
      },
    ],
    [
      "as a generator",
      async function* (reason) {
        yield* [];
        throw reason;
      },
    ],
    ["as a thenable", (reason) => ({ then: (_: unknown, reject: (reason: unknown) => void) => reject(reason) })],
    [
      "in then",
      (reason) => ({
        then: () => {
          throw reason;
        },
      }),
    ],
    [
      "in a getter of then",
      (reason) => ({
        get then() {
          throw reason;
        },
      }),
    ],
    [
      "in an iterator",
      (reason) => ({
        [Symbol.asyncIterator]: () => {
          throw reason;
        },
      }),
    ],
    [
      "in next",
      (reason) => ({
        [Symbol.asyncIterator]: () => ({
          next: () => {
            throw reason;
          },
        }),
      }),
    ],
  ];

  test.each(fails)("%s, with a PrismError: all of it is told", async (_, fail) => {
    const { clock, call, failed } = joinWith(() => fail(new PrismError("not_found", "No such todo", { id: 7 })));
    const outcome = watch(call());
    await clock.settle();
    expect(outcome.error).toMatchObject({
      name: "PrismError",
      code: "not_found",
      message: "No such todo",
      data: { id: 7 },
    });
    expect(failed).toEqual([]);
    expect(call().id).toBe(0);
  });

  test.each(fails)("%s, with anything else: the caller hears internal and no more", async (_, fail) => {
    for (const reason of [new Error("password=123"), "password=123", undefined, null, Object.create(null), 0]) {
      const { clock, call, failed, server } = joinWith(() => fail(reason));
      const outcome = watch(call());
      await clock.settle();
      expect(outcome.error).toEqual(error("internal"));
      expect(server.sentFrames()).toEqual(['!@{"code":"internal"}']);
      expect(failed).toEqual([reason]);
      expect(server.broken).toEqual([]);
    }
  });

  test("is told in full where errors are exposed", async () => {
    const { clock, call } = joinWith(
      () => {
        throw new RangeError("Out of range");
      },
      { exposeErrors: true },
    );
    const outcome = watch(call());
    await clock.settle();
    expect(outcome.error).toMatchObject({ code: "internal", message: "RangeError: Out of range" });
  });

  test.each([
    [
      "a cycle",
      (() => {
        const a: unknown[] = [];
        a.push(a);
        return a;
      })(),
    ],
    ["a bigint", 1n],
  ])("with data that JSON cannot write is told without: %s", async (_, data) => {
    const { clock, call } = joinWith(() => {
      throw new PrismError("full", "No room", data);
    });
    const outcome = watch(call());
    await clock.settle();
    expect(outcome.error).toMatchObject({ code: "full", message: "No room", data: undefined });
  });

  test("with what has no text fails with internal all the same", async () => {
    const { clock, call } = joinWith(() => Promise.reject(Object.create(null)), { exposeErrors: true });
    const outcome = watch(call());
    await clock.settle();
    expect(outcome.error).toEqual(error("internal"));
  });

  test.each([
    ["at once", (value: unknown) => value],
    ["late", (value: unknown) => Promise.resolve(value)],
  ])("with a value that cannot be looked at, given %s, is contained", async (_, give) => {
    const has = (): never => {
      throw new Error("Do not look");
    };
    const { clock, call, failed } = joinWith(() => give(new Proxy({}, { has })));
    const outcome = watch(call());
    await clock.settle();
    expect(outcome.error).toEqual(error("internal"));
    expect(failed).toHaveLength(1);
  });

  test("with more than a packet holds fails with too_large", async () => {
    const { clock, call } = joinWith(
      () => {
        throw new PrismError("full", "x".repeat(200));
      },
      { server: { frameOut: 100 } },
    );
    const outcome = watch(call());
    await clock.settle();
    expect(outcome.error).toEqual(error("too_large"));
  });

  test("in the middle of its items sends those before", async () => {
    const { clock, call, server } = joinWith(async function* () {
      yield 1;
      throw new PrismError("broken");
    });
    const { items, end } = collect(call());
    await clock.settle();
    expect([items, end.error]).toEqual([[1], error("broken")]);
    expect(server.sentFrames()).toEqual(["<@1", '!@{"code":"broken"}']);
  });

  test("after it was cancelled bothers nobody", async () => {
    let reject: (reason: unknown) => void = () => {};
    const { clock, call, client, server } = joinWith(() => new Promise((_, fail) => (reject = fail)));
    const controller = new AbortController();
    const outcome = watch(call(0, { signal: controller.signal }));
    await clock.settle();
    controller.abort();
    await clock.settle();
    reject(new Error("late"));
    await clock.settle();
    expect(outcome.error).toEqual(error("cancelled"));
    expect(server.sentFrames()).toEqual(['!@{"code":"cancelled"}']);
    expect(client.closed).toEqual([]);
  });

  test("or returns after the connection has ended bothers nobody", async () => {
    for (const late of [() => Promise.reject(new Error("late")), () => "late"]) {
      let resume = (): void => {};
      const { clock, call, server } = joinWith(async () => {
        await new Promise<void>((resolve) => (resume = resolve));
        return late();
      });
      void watch(call());
      await clock.settle();
      server.connection.end(new PrismError("lost"));
      resume();
      await clock.settle();
      expect(server.sentFrames()).toEqual([]);
    }
  });
});

describe("a producer of items", () => {
  test("is stopped when its call is cancelled while it waits for credit", async () => {
    let stopped = false;
    const { clock, call } = joinWith(async function* () {
      try {
        for (;;) yield 1;
      } finally {
        stopped = true;
      }
    });
    const controller = new AbortController();
    const abandoned = call(0, { signal: controller.signal });
    abandoned[Symbol.asyncIterator]();
    await clock.settle();
    expect(stopped).toBe(false);
    controller.abort();
    await clock.settle();
    expect(stopped).toBe(true);
  });

  test("is stopped when the connection ends while it waits for credit", async () => {
    let stopped = false;
    const { clock, call, server } = joinWith(async function* () {
      try {
        for (;;) yield 1;
      } finally {
        stopped = true;
      }
    });
    call();
    await clock.settle();
    server.connection.end(new PrismError("lost"));
    await clock.settle();
    expect(stopped).toBe(true);
  });

  test("is stopped when an item cannot be written", async () => {
    let stopped = false;
    const { clock, call } = joinWith(async function* () {
      try {
        yield 1n;
      } finally {
        stopped = true;
      }
    });
    const outcome = watch(call());
    await clock.settle();
    expect(outcome.error).toEqual(error("internal"));
    expect(stopped).toBe(true);
  });

  test("that fails while it is stopped bothers nobody", async () => {
    for (const stop of [
      () => {
        throw new Error("no");
      },
      () => Promise.reject(new Error("no")),
      undefined,
    ]) {
      const source = {
        [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: false, value: 1 }), return: stop }),
      };
      const { clock, call } = joinWith(() => source);
      const controller = new AbortController();
      call(0, { signal: controller.signal })[Symbol.asyncIterator]();
      await clock.settle();
      controller.abort();
      await clock.settle();
    }
  });

  test("that is not begun before its call is cancelled is not begun at all", async () => {
    let asked = 0;
    const { clock, call } = joinWith(async () => {
      await new Promise<void>((resolve) => (resume = resolve));
      return { [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: asked++ > 100, value: 1 }) }) };
    });
    let resume = (): void => {};
    const controller = new AbortController();
    void watch(call(0, { signal: controller.signal }));
    await clock.settle();
    controller.abort();
    await clock.settle();
    resume();
    await clock.settle();
    expect(asked).toBe(0);
  });
});

describe("items from the caller", () => {
  test("that wait when the call is cancelled are handed out, then comes the error", async () => {
    const taken: unknown[] = [];
    let failure: unknown;
    let resume = (): void => {};
    const { clock, call } = joinWith(async (_, { items }) => {
      await new Promise<void>((resolve) => (resume = resolve));
      try {
        for await (const item of items) taken.push(item);
      } catch (reason) {
        failure = reason;
      }
    });
    const controller = new AbortController();
    const source = async function* (): AsyncGenerator<number> {
      yield 1;
      yield 2;
      await new Promise(() => {});
    };
    void watch(call(0, { items: source(), signal: controller.signal }));
    await clock.settle();
    controller.abort();
    await clock.settle();
    resume();
    await clock.settle();
    expect(taken).toEqual([1, 2]);
    expect(failure).toEqual(error("cancelled"));
  });

  test("asked for only after the call was cancelled do not make the handler wait for ever", async () => {
    let failure: unknown;
    let resume = (): void => {};
    const { clock, call } = joinWith(async (_, answer) => {
      await new Promise<void>((resolve) => (resume = resolve));
      try {
        for await (const item of answer.items) void item;
        failure = "nothing";
      } catch (reason) {
        failure = reason;
      }
    });
    const controller = new AbortController();
    void watch(call(0, { signal: controller.signal }));
    await clock.settle();
    controller.abort();
    await clock.settle();
    resume();
    await clock.settle();
    expect(failure).toEqual(error("cancelled"));
  });

  test("that cannot be read fail the call with bad_input, and the handler's iteration", async () => {
    const bare = createBare();
    let failure: unknown;
    let signal: AbortSignal | undefined;
    bare.end.take = (_, id) => {
      const answer = new Answer({ codec: json, failed: () => {} });
      bare.end.connection.answer(id, answer);
      answer.run(
        async (_, context) => {
          signal = context.signal;
          try {
            for await (const item of context.items) void item;
          } catch (reason) {
            failure = reason;
            throw reason;
          }
        },
        undefined,
        answer,
      );
    };
    expect(await bare.say("?@@", ">@1", ">@{")).toEqual(['!@{"code":"bad_input","message":"Unreadable item"}']);
    expect(failure).toEqual(error("cancelled"));
    expect(signal!.aborted).toBe(true);
    expect(await bare.say(">@1", "/@", "#@")).toEqual([]);
    expect(bare.closings).toEqual([]);
  });

  test("that come with the end in one packet are all there", async () => {
    const bare = createBare();
    bare.end.take = (_, id) => {
      const answer = new Answer({ codec: json, failed: () => {} });
      bare.end.connection.answer(id, answer);
      answer.run(
        async (_, { items }) => {
          const all: unknown[] = [];
          for await (const item of items) all.push(item);
          return all;
        },
        undefined,
        answer,
      );
    };
    expect(await bare.say("?@@\x1e>@1\x1e>@2\x1e>@3\x1e/@")).toEqual(["=@[1,2,3]"]);
  });
});
