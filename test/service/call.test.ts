import { describe, expect, test } from "vitest";
import { bytes, json, type Codec } from "../../src/wire/codecs.ts";
import { PrismError } from "../../src/wire/errors.ts";
import { createBare } from "../connection/ends.ts";
import { Calling } from "../../src/service/call.ts";
import { collect, expectNoUnhandledRejections, joinWith, watch } from "./joined.ts";

expectNoUnhandledRejections();

/** A handler's generator that gives numbers from 0, and notes how far it came and how it ended. */
function createCounter(to = Infinity): {
  handler: () => AsyncGenerator<number, string>;
  given: () => number;
  ended: () => string | undefined;
} {
  let given = 0;
  let ended: string | undefined;
  return {
    given: () => given,
    ended: () => ended,
    handler: async function* () {
      try {
        while (given < to) yield given++;
        ended = "returned";
        return "done";
      } finally {
        ended ??= "stopped";
      }
    },
  };
}

const error = (code: string): unknown => expect.objectContaining({ name: "PrismError", code });
const numbers = (to: number): number[] => Array.from({ length: to }, (_, i) => i);

describe("a call that is awaited", () => {
  test("gives the result", async () => {
    const { clock, call } = joinWith((body) => ({ got: body }));
    const outcome = watch(call({ n: 1 }));
    expect(outcome).toEqual({});
    await clock.settle();
    expect(outcome).toEqual({ value: { got: { n: 1 } } });
  });

  test("is a promise in every way", async () => {
    const { clock, call } = joinWith((body) => {
      if (body === "bad") throw new PrismError("bad");
      return body;
    });
    const seen: unknown[] = [];
    const outcomes = [
      watch(call(1).then((value) => [value])),
      watch(call("bad").catch((reason: unknown) => (reason as PrismError).code)),
      watch(call(2).finally(() => void seen.push("finally"))),
      watch(call("bad").finally(() => void seen.push("finally too"))),
      watch(Promise.all([call(3), call(4)])),
      watch((async () => call(5))()),
      watch(call(6).then()),
    ];
    await clock.settle();
    expect(outcomes).toEqual([
      { value: [1] },
      { value: "bad" },
      { value: 2 },
      { error: error("bad") },
      { value: [3, 4] },
      { value: 5 },
      { value: 6 },
    ]);
    expect(new Set(seen)).toEqual(new Set(["finally", "finally too"]));
    expect(Object.prototype.toString.call(call(7))).toBe("[object Call]");
  });

  test("only, drops items and grants their credit again", async () => {
    const counter = createCounter(1000);
    const { clock, call, client } = joinWith(counter.handler);
    const outcome = watch(call());
    await clock.settle();
    expect(outcome).toEqual({ value: "done" });
    expect(counter.given()).toBe(1000);
    const grants = client.sentFrames().filter((frame) => frame.startsWith("+"));
    expect(grants).toEqual(Array(125).fill("+@H"));
  });

  test("late, gives the result all the same, and drops what has come", async () => {
    const counter = createCounter(100);
    const { clock, call } = joinWith(counter.handler);
    const late = call();
    await clock.settle();
    expect(counter.given()).toBe(16); // nobody has taken any
    const outcome = watch(late);
    await clock.settle();
    expect(outcome).toEqual({ value: "done" });
    expect(await late).toBe("done");
  });

  test("twice, gives the same", async () => {
    const { clock, call } = joinWith(() => ({}));
    const both = call();
    const outcomes = [watch(both), watch(both)];
    await clock.settle();
    expect(outcomes[0]!.value).toBe(outcomes[1]!.value);
  });
});

describe("a call that is iterated", () => {
  test("gives its items in order, then the result", async () => {
    const { clock, call } = joinWith(createCounter(100).handler);
    const { items, end } = collect(call());
    await clock.settle();
    expect(items).toEqual(numbers(100));
    expect(end).toEqual({ value: "done" });
  });

  test("and then awaited gives both", async () => {
    const { clock, call } = joinWith(createCounter(50).handler);
    const both = call();
    const { items } = collect(both);
    const outcome = watch(both);
    await clock.settle();
    expect(items).toEqual(numbers(50));
    expect(outcome).toEqual({ value: "done" });
    expect(await both).toBe("done");
  });

  test("after it was awaited with items there gives what comes from then on", async () => {
    const { clock, call } = joinWith(createCounter(50).handler);
    const both = call();
    await clock.settle();
    const outcome = watch(both);
    const { items, end } = collect(both);
    await clock.settle();
    expect(items).toEqual(numbers(50).slice(16));
    expect([outcome, end]).toEqual([{ value: "done" }, { value: "done" }]);
  });

  test("after it was awaited gives what comes from then on", async () => {
    const { clock, call } = joinWith(createCounter(50).handler);
    const both = call();
    const outcome = watch(both);
    const { items } = collect(both);
    await clock.settle();
    expect(items).toEqual(numbers(50));
    expect(outcome).toEqual({ value: "done" });
  });

  test("and fails throws once its items are taken, with no rejection unhandled", async () => {
    const { clock, call } = joinWith(async function* () {
      yield 1;
      yield 2;
      throw new PrismError("broken", "In the middle", { at: 2 });
    });
    const { items, end } = collect(call());
    await clock.settle();
    expect(items).toEqual([1, 2]);
    expect(end).toEqual({ error: error("broken") });
    expect((end.error as PrismError).data).toEqual({ at: 2 });
  });

  test("when it has failed already throws, and then is over", async () => {
    const { clock, call } = joinWith(() => {
      throw new PrismError("broken");
    });
    const failed = call();
    await clock.settle();
    const iterator = failed[Symbol.asyncIterator]();
    await expect(iterator.next()).rejects.toEqual(error("broken"));
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test("and left alone when it fails, with no rejection unhandled", async () => {
    const { clock, call } = joinWith(() => {
      throw new PrismError("broken");
    });
    const alone = call();
    const iterated = call();
    iterated[Symbol.asyncIterator]();
    await clock.settle();
    expect([alone.settled, iterated.settled]).toEqual([true, true]);
  });

  test("when it has ended gives the items that it kept, and the result", async () => {
    const { clock, call } = joinWith(createCounter(5).handler);
    const ended = call();
    await clock.settle();
    expect(ended.settled).toBe(true);
    const { items, end } = collect(ended);
    await clock.settle();
    expect(items).toEqual(numbers(5));
    expect(end).toEqual({ value: "done" });
  });

  test("when it was awaited before gives the result alone", async () => {
    const { clock, call } = joinWith(createCounter(5).handler);
    const ended = call();
    await Promise.all([ended, clock.settle()]);
    const { items, end } = collect(ended);
    await clock.settle();
    expect(items).toEqual([]);
    expect(end).toEqual({ value: "done" });
  });

  test("and left early is cancelled, and its producer stopped", async () => {
    const counter = createCounter();
    const { clock, call, answers } = joinWith(counter.handler);
    const left = call();
    const taken: unknown[] = [];
    const loop = watch(
      (async () => {
        for await (const item of left) {
          taken.push(item);
          if (taken.length === 20) break;
        }
        return "left";
      })(),
    );
    await clock.settle();
    expect(loop).toEqual({ value: "left" });
    expect(taken).toEqual(numbers(20));
    expect(counter.ended()).toBe("stopped");
    expect(answers[0]!.signal.aborted).toBe(true);
    const outcome = watch(left);
    await clock.settle();
    expect(outcome).toEqual({ error: error("cancelled") });
    expect(call().id).toBe(0);
  });

  test("and left early before the call was sent is cancelled", async () => {
    const counter = createCounter();
    const { clock, call } = joinWith(counter.handler);
    const left = call();
    expect(await left[Symbol.asyncIterator]().return!()).toEqual({ done: true, value: undefined });
    await clock.settle();
    expect(counter.given()).toBeLessThanOrEqual(1);
    expect(counter.ended()).not.toBe("returned");
    expect(left.settled).toBe(true);
  });

  test("and not taken from stops its producer at 16", async () => {
    const counter = createCounter();
    const { clock, call } = joinWith(counter.handler);
    const iterator = call<number>()[Symbol.asyncIterator]();
    await clock.settle();
    expect(counter.given()).toBe(16);
    for (let taken = 0; taken < 100; taken++) {
      expect(await iterator.next()).toEqual({ done: false, value: taken });
      await clock.settle();
      expect(counter.given()).toBeLessThanOrEqual(taken + 1 + 16);
      expect(counter.given()).toBeGreaterThan(taken + 8);
    }
  });

  test("with several steps asked for at once gives each its item", async () => {
    const { clock, call } = joinWith(createCounter(3).handler);
    const iterator = call()[Symbol.asyncIterator]();
    const steps = numbers(5).map(() => watch(iterator.next()));
    await clock.settle();
    expect(steps.map(({ value }) => value)).toEqual([
      ...numbers(3).map((value) => ({ done: false, value })),
      { done: true, value: "done" },
      { done: true, value: "done" },
    ]);
  });
});

describe("aborting", () => {
  test("before the call sends nothing", async () => {
    const { clock, call, client, answers } = joinWith(() => "never");
    const reason = new Error("Changed my mind");
    const outcome = watch(call(1, { signal: AbortSignal.abort(reason) }));
    await clock.settle();
    expect(outcome.error).toEqual(error("cancelled"));
    expect((outcome.error as Error).cause).toBe(reason);
    expect(client.packets).toEqual([]);
    expect(answers).toEqual([]);
  });

  test("during the call fails it at once, and the handler's signal aborts", async () => {
    const { clock, call, answers, client } = joinWith(() => new Promise(() => {}));
    const controller = new AbortController();
    const outcome = watch(call(1, { signal: controller.signal }));
    await clock.settle();
    const { signal } = answers[0]!;
    expect(signal.aborted).toBe(false);
    controller.abort();
    await Promise.resolve();
    await Promise.resolve();
    expect(outcome.error).toEqual(error("cancelled"));
    await clock.settle();
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toEqual(error("cancelled"));
    expect(client.sentFrames()).toEqual(["?@@1", "#@"]);
  });

  test("is seen by a handler that asks for its signal late", async () => {
    let resume = (): void => {};
    const { clock, call, answers } = joinWith(() => new Promise<void>((resolve) => (resume = resolve)));
    const controller = new AbortController();
    const outcome = watch(call(1, { signal: controller.signal }));
    await clock.settle();
    controller.abort();
    await clock.settle();
    resume();
    await clock.settle();
    expect(answers[0]!.signal.aborted).toBe(true);
    expect(outcome.error).toEqual(error("cancelled"));
  });

  test("after the end does nothing, and nothing listens any more", async () => {
    const { clock, call, client } = joinWith(() => "done");
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      return addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      return removeEventListener.apply(signal, args);
    };
    const outcome = watch(call(1, { signal }));
    expect(listeners).toBe(1);
    await clock.settle();
    expect(listeners).toBe(0);
    controller.abort();
    await clock.settle();
    expect(outcome).toEqual({ value: "done" });
    expect(client.sentFrames()).toEqual(["?@@1"]);
  });
});

describe("timeouts", () => {
  test("fail the call on time, and cancel it at the callee", async () => {
    const { clock, call, answers } = joinWith(() => new Promise(() => {}));
    const [short, standard, never] = [call(1, { timeout: 50 }), call(2), call(3, { timeout: Infinity })].map(watch);
    await clock.advance(49);
    expect(short).toEqual({});
    await clock.advance(1);
    expect(short!.error).toEqual(error("timeout"));
    expect(answers[0]!.signal.aborted).toBe(true);
    await clock.advance(29_949);
    expect(standard).toEqual({});
    await clock.advance(1);
    expect(standard!.error).toEqual(error("timeout"));
    await clock.advance(10_000_000);
    expect(never).toEqual({});
  });

  test("do not come to a call that has failed, or ended", async () => {
    const { clock, call, client } = joinWith((body) => (body === 1 ? "done" : new Promise(() => {})));
    const controller = new AbortController();
    const outcomes = [watch(call(1, { timeout: 50 })), watch(call(2, { timeout: 50, signal: controller.signal }))];
    await clock.settle();
    controller.abort();
    await clock.advance(100);
    expect(outcomes[0]).toEqual({ value: "done" });
    expect(outcomes[1]!.error).toEqual(error("cancelled"));
    expect(client.sentFrames().filter((frame) => frame.startsWith("#"))).toEqual(["#A"]);
  });
});

describe("items to the callee", () => {
  const sum = async (_: unknown, { items }: { items: AsyncIterable<unknown> }): Promise<number> => {
    let total = 0;
    for await (const item of items) total += item as number;
    return total;
  };
  const sources: [string, () => AsyncIterable<number> | Iterable<number>][] = [
    ["an array", () => numbers(100)],
    ["a set", () => new Set(numbers(100))],
    [
      "an async generator",
      () =>
        (async function* () {
          yield* numbers(100);
        })(),
    ],
    [
      "a generator",
      () =>
        (function* () {
          yield* numbers(100);
        })(),
    ],
    [
      "a stream",
      () =>
        new ReadableStream<number>({
          start: (to) => {
            for (const n of numbers(100)) to.enqueue(n);
            to.close();
          },
        }),
    ],
  ];

  test.each(sources)("come from %s", async (_, source) => {
    const { clock, call, client } = joinWith(sum);
    const outcome = watch(call(0, { items: source() }));
    await clock.settle();
    expect(outcome).toEqual({ value: 4950 });
    expect(client.sentFrames().filter((frame) => frame.startsWith(">"))).toHaveLength(100);
    expect(client.closed).toEqual([]);
  });

  test("come from a stream that cannot be iterated, as in some browsers", async () => {
    const stream = new ReadableStream<number>({
      start(to) {
        for (const n of numbers(20)) to.enqueue(n);
        to.close();
      },
    });
    const bare = { getReader: () => stream.getReader() };
    const { clock, call } = joinWith(sum);
    const outcome = watch(call(0, { items: bare as ReadableStream<number> }));
    await clock.settle();
    expect(outcome).toEqual({ value: 190 });
  });

  test("are asked for as the callee takes them, 16 ahead at most", async () => {
    const counter = createCounter();
    let take = (): void => {};
    let taken = 0;
    const { clock, call } = joinWith(async (_, { items }) => {
      for await (const item of items) {
        expect(item).toBe(taken++);
        await new Promise<void>((resolve) => (take = resolve));
      }
    });
    const outcome = watch(call(0, { items: counter.handler() }));
    for (let i = 0; i < 60; i++) {
      await clock.settle();
      expect(taken).toBe(i + 1);
      expect(counter.given()).toBeLessThanOrEqual(taken + 16);
      expect(counter.given()).toBeGreaterThan(taken + 7);
      take();
    }
    expect(outcome).toEqual({});
  });

  test("nobody takes are held back at 16", async () => {
    const counter = createCounter();
    const { clock, call } = joinWith(() => new Promise(() => {}));
    void watch(call(0, { items: counter.handler() }));
    await clock.settle();
    expect(counter.given()).toBe(16);
  });

  test("nobody is going to take are dropped, and do not hold the caller up", async () => {
    const counter = createCounter(500);
    let finish = (): void => {};
    const { clock, call } = joinWith((_, answer) => {
      answer.dropItems();
      return new Promise<string>((resolve) => (finish = () => resolve("done")));
    });
    const outcome = watch(call(0, { items: counter.handler() }));
    await clock.settle();
    expect(counter.ended()).toBe("returned");
    finish();
    await clock.settle();
    expect(outcome).toEqual({ value: "done" });
  });

  test("left by the handler are dropped, and do not hold the caller up", async () => {
    const counter = createCounter(500);
    const { clock, call } = joinWith(async (_, { items }) => {
      for await (const item of items) if (item === 3) break;
      return new Promise(() => {});
    });
    void watch(call(0, { items: counter.handler() }));
    await clock.settle();
    expect(counter.ended()).toBe("returned");
  });

  test.each([
    ["result", () => "early"],
    ["failure", () => Promise.reject(new PrismError("early"))],
  ])("are stopped by an early %s", async (_, handler) => {
    const counter = createCounter();
    const { clock, call, client } = joinWith(handler);
    const outcome = watch(call(0, { items: counter.handler() }));
    await clock.settle();
    expect(Object.values(outcome)).toHaveLength(1);
    expect(counter.ended()).toBe("stopped");
    expect(client.closed).toEqual([]);
  });

  test.each(["abort", "timeout", "lost"])("are stopped by %s", async (how) => {
    const counter = createCounter();
    const { clock, call, client } = joinWith(() => new Promise(() => {}));
    const controller = new AbortController();
    const outcome = watch(call(0, { items: counter.handler(), signal: controller.signal, timeout: 100 }));
    await clock.settle();
    expect(counter.ended()).toBeUndefined();
    if (how === "abort") controller.abort();
    else if (how === "lost") client.connection.end(new PrismError("lost"));
    else await clock.advance(100);
    await clock.settle();
    expect(outcome.error).toEqual(error(how === "abort" ? "cancelled" : how));
    expect(counter.ended()).toBe("stopped");
  });

  test("of a stream that is left cancel it", async () => {
    let cancelled = false;
    const stream = new ReadableStream<number>({
      pull: (to) => to.enqueue(1),
      cancel: () => void (cancelled = true),
    });
    const { clock, call } = joinWith(() => "early");
    void watch(call(0, { items: stream }));
    await clock.settle();
    expect(cancelled).toBe(true);
  });

  test("whose source fails fail the call with the source's error, and cancel it", async () => {
    const failure = new Error("No such file");
    const { clock, call, answers } = joinWith(sum);
    const source = async function* (): AsyncGenerator<number> {
      yield 1;
      throw failure;
    };
    const outcome = watch(call(0, { items: source() }));
    await clock.settle();
    expect(outcome.error).toBe(failure);
    expect(answers[0]!.over).toBe(true);
    expect(answers[0]!.signal.aborted).toBe(true);
  });

  test("too long for a packet fail the call, and stop the source", async () => {
    const counter = createCounter();
    const { clock, call } = joinWith(sum, { client: { frameOut: 100 } });
    const source = async function* (): AsyncGenerator {
      yield* (async function* () {
        yield "x".repeat(200);
        yield* counter.handler();
      })();
    };
    const outcome = watch(call(0, { items: source() }));
    await clock.settle();
    expect(outcome.error).toEqual(error("too_large"));
    expect(counter.given()).toBe(0);
  });

  test("that cannot be written fail the call", async () => {
    const { clock, call } = joinWith(sum);
    const outcome = watch(call(0, { items: [1n] }));
    await clock.settle();
    expect(outcome.error).toBeInstanceOf(TypeError);
  });

  test("of a source that cannot be iterated fail the call", async () => {
    const { clock, call } = joinWith(sum);
    const outcome = watch(call(0, { items: {} as Iterable<number> }));
    await clock.settle();
    expect(outcome.error).toBeInstanceOf(TypeError);
  });
});

describe("the time that a call is given", () => {
  test("begins anew with each item", async () => {
    const { clock, call } = joinWith(async function* () {
      for (let i = 0; i < 5; i++) {
        yield i;
        await new Promise<void>((resolve) => void clock.setTimer(resolve, 80));
      }
      return "done";
    });
    const outcome = watch(call(0, { timeout: 100 }));
    for (let i = 0; i < 50; i++) {
      await clock.advance(10);
      await clock.settle();
    }
    expect(outcome.value).toBe("done");
  });

  test("does not pass while items wait here", async () => {
    const { clock, call } = joinWith(async function* () {
      yield 1;
      yield 2;
      await new Promise(() => {});
    });
    const made = call<number>(0, { timeout: 100 });
    const items = made[Symbol.asyncIterator]();
    await clock.settle();
    await clock.advance(500);
    await clock.settle();
    expect([await items.next(), await items.next()].map(({ value }) => value)).toEqual([1, 2]);
    const outcome = watch(items.next());
    for (let i = 0; i < 5; i++) {
      await clock.advance(100);
      await clock.settle();
    }
    expect(outcome.error).toEqual(expect.objectContaining({ code: "timeout" }));
  });
});

describe("a source that is waiting for its next item", () => {
  const waiting = (): { source: AsyncIterable<number>; returned: () => number } => {
    let returned = 0;
    const iterator = {
      next: () => new Promise<IteratorResult<number>>(() => {}),
      return: () => {
        returned++;
        return Promise.resolve({ done: true as const, value: undefined });
      },
    };
    return { source: { [Symbol.asyncIterator]: () => iterator }, returned: () => returned };
  };

  test("is told when the caller's call is over", async () => {
    const { source, returned } = waiting();
    const { clock, call } = joinWith(() => 5);
    const outcome = watch(call(0, { items: source }));
    await clock.settle();
    expect(outcome.value).toBe(5);
    expect(returned()).toBe(1);
  });

  test("is told when the caller gives up", async () => {
    const { source, returned } = waiting();
    const { clock, call } = joinWith(() => source);
    const controller = new AbortController();
    const outcome = watch(call(0, { signal: controller.signal }));
    await clock.settle();
    controller.abort();
    await clock.settle();
    expect(outcome.error).toEqual(error("cancelled"));
    expect(returned()).toBe(1);
  });

  test("is told when the call never begins", async () => {
    const { source, returned } = waiting();
    const { clock, call } = joinWith(() => 5);
    const outcome = watch(call(0, { items: source, signal: AbortSignal.abort() }));
    await clock.settle();
    expect(outcome.error).toEqual(error("cancelled"));
    expect(returned()).toBe(1);
  });
});

describe("what cannot be read", () => {
  const picky: Codec = {
    encode: json.encode,
    decode: (body) => {
      const value = json.decode(body);
      if (value === "unreadable") throw new TypeError("Unreadable");
      return value;
    },
  };

  test("as a result fails the call with bad_output", async () => {
    const { clock, call } = joinWith(() => "unreadable", { codec: picky });
    const outcome = watch(call());
    await clock.settle();
    expect(outcome.error).toEqual(error("bad_output"));
    expect(call().id).toBe(0);
  });

  test("as an item fails the call with bad_output, and cancels it", async () => {
    const { clock, call, answers } = joinWith(
      async function* () {
        yield 1;
        yield "unreadable";
        await new Promise(() => {});
      },
      { codec: picky },
    );
    const { items, end } = collect(call());
    await clock.settle();
    expect(items).toEqual([1]);
    expect(end.error).toEqual(error("bad_output"));
    expect(answers[0]!.signal.aborted).toBe(true);
  });

  test("as UTF-8 fails the call, and closes the socket", async () => {
    const bare = createBare({ client: true });
    const call = new Calling(undefined, { codec: json, clock: bare.clock, timeout: Infinity });
    bare.end.connection.ask(0, "", call);
    const outcome = watch(call);
    await bare.clock.settle();
    await bare.say(Uint8Array.from([3, 0x3d, 0x40, 0xff]));
    expect(bare.closings).toEqual([{ code: 4004, reason: "Invalid UTF-8" }]);
    expect(outcome.error).toEqual(error("bad_output"));
  });

  test("as a failure leaves no call without an outcome", async () => {
    const bare = createBare({ client: true });
    const call = new Calling(undefined, { codec: json, clock: bare.clock, timeout: Infinity });
    bare.end.connection.ask(0, "", call);
    const outcome = watch(call);
    await bare.clock.settle();
    await bare.say("!@{");
    expect(bare.closings).toHaveLength(1);
    bare.end.connection.end(new PrismError("lost"));
    await bare.clock.settle();
    expect(outcome.error).toEqual(error("lost"));
  });
});

test("a call of bytes carries bytes", async () => {
  const { clock, call } = joinWith(
    async function* (body) {
      yield body;
      return Uint8Array.from([9]);
    },
    { codec: bytes },
  );
  const { items, end } = collect(call(Uint8Array.from([0, 0x1e, 255])));
  await clock.settle();
  expect(items).toEqual([Uint8Array.from([0, 0x1e, 255])]);
  expect(end).toEqual({ value: Uint8Array.from([9]) });
});

test("the end of the connection fails calls that are awaited, iterated and left alone", async () => {
  const { clock, call, client } = joinWith(async function* () {
    yield 1;
    await new Promise(() => {});
  });
  const awaited = watch(call());
  const iterated = collect(call());
  call();
  await clock.settle();
  client.connection.end(new PrismError("lost"));
  const late = call();
  await clock.settle();
  expect(awaited.error).toEqual(error("lost"));
  expect(iterated).toEqual({ items: [1], end: { error: error("lost") } });
  expect(late.settled).toBe(true);
  await expect(late).rejects.toEqual(error("closed"));
});
