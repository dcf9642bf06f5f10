import { describe, expect, test } from "vitest";
import { rateLimit, redisBuckets, type RateLimitOptions } from "../../src/middleware/rate-limit.ts";
import type { SharedBuckets, SharedTake } from "../../src/middleware/rate-limit.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { Stage } from "./stage.ts";

interface Ask {
  readonly key: string;
  readonly cost: number;
  resolve(take?: Partial<SharedTake>): void;
  reject(error: unknown): void;
}

/** Shared buckets that a test answers for. */
class Scripted implements SharedBuckets {
  readonly asks: Ask[] = [];

  take(key: string, cost: number): Promise<SharedTake> {
    return new Promise((resolve, reject) => {
      const answer = (take?: Partial<SharedTake>): void =>
        resolve({ allowed: true, remaining: 100, retryAfter: 0, ...take });
      this.asks.push({ key, cost, resolve: answer, reject });
    });
  }
}

/** Middleware whose shared buckets the test answers for; `tick` lets time go by. */
function setUp(options: Partial<RateLimitOptions> = {}) {
  const shared = new Scripted();
  const clock = new FakeClock();
  const stage = new Stage(rateLimit({ rate: 10, burst: 100, shared, ...options }), clock);
  const tick = async (ms = 0): Promise<void> => {
    await clock.advance(ms);
  };
  const outcomes: string[] = [];
  const send = (body: string, kind: "message" | "call" = "call"): void =>
    void stage.sendLate({ body, kind }).then((outcome) => outcomes.push(`${body} ${outcome}`));
  return { shared, clock, stage, tick, send, outcomes };
}

const refused = { allowed: false, remaining: 0, retryAfter: 70 };

describe("shared buckets", () => {
  test("are asked for each message, and hold it until they answer", async () => {
    const { shared, tick, send, stage, outcomes } = setUp({ per: () => 3 });
    send("1");
    await tick();
    expect([shared.asks.length, stage.passed]).toEqual([1, []]);
    expect(shared.asks[0]).toMatchObject({ key: "c1", cost: 3 });
    shared.asks[0]!.resolve();
    await tick();
    expect([stage.passed, outcomes]).toEqual([["1"], ["1 passed"]]);
  });

  test("refuse", async () => {
    const { shared, tick, send, stage, outcomes } = setUp({ warn: 0 });
    send("1");
    send("2", "message");
    shared.asks[0]!.resolve(refused);
    shared.asks[1]!.resolve(refused);
    await tick();
    expect([stage.passed, outcomes]).toEqual([[], ["1 rate_limited", "2 dropped"]]);
    expect(stage.limits).toMatchObject([{ level: "limited", retryAfter: 70 }]);
  });

  test("are not asked again for what they would refuse, until they would not", async () => {
    const { shared, tick, send, stage } = setUp();
    send("1");
    shared.asks[0]!.resolve({ allowed: false, remaining: 0.5, retryAfter: 50 });
    await tick();
    expect(stage.refusal().data).toEqual({ retryAfter: 50 });
    expect(stage.flood(1000)).toBe(0);
    expect(shared.asks).toHaveLength(1);
    await tick(50);
    send("2");
    expect(shared.asks).toHaveLength(2);
  });

  test("warn of what is left in them", async () => {
    const { shared, tick, send, stage } = setUp();
    send("1");
    shared.asks[0]!.resolve({ remaining: 20 });
    await tick();
    expect(stage.levels()).toEqual([]);
    send("2");
    shared.asks[1]!.resolve({ remaining: 19 });
    await tick();
    expect(stage.levels()).toEqual(["warning"]);
  });

  test("are asked no more at once than a bucket holds", () => {
    const { shared, send } = setUp({ burst: 7 });
    for (let i = 0; i < 100; i++) send("x");
    expect(shared.asks).toHaveLength(7);
  });

  test("close those who go on", async () => {
    const { shared, tick, send, stage } = setUp({ close: 2, warn: 0 });
    for (const body of ["1", "2", "3"]) send(body);
    for (const ask of shared.asks) ask.resolve(refused);
    await tick();
    expect(stage.client.closed).toBe(true);
    expect(stage.levels()).toEqual(["limited", "closed"]);
  });

  describe("order", () => {
    test("holds, whatever is answered first", async () => {
      const { shared, tick, send, stage } = setUp();
      for (const body of ["1", "2", "3"]) send(body);
      shared.asks[2]!.resolve();
      shared.asks[1]!.resolve(refused);
      await tick();
      expect(stage.passed).toEqual([]);
      shared.asks[0]!.resolve();
      await tick();
      expect(stage.passed).toEqual(["1", "3"]);
    });

    test("holds also for what is not limited", async () => {
      const { shared, tick, send, stage } = setUp({ per: "call" });
      send("1");
      send("2", "message");
      await tick();
      expect(stage.passed).toEqual([]);
      shared.asks[0]!.resolve();
      await tick();
      expect(stage.passed).toEqual(["1", "2"]);
      // With nothing in front of it, it does not wait.
      expect(stage.send({ kind: "message", body: "3" })).toBe("passed");
    });

    test("is that of a connection: others do not wait", async () => {
      const { shared, tick, send, stage } = setUp();
      send("1");
      const other = stage.sendLate({ from: stage.connect(), body: "2" });
      shared.asks[1]!.resolve();
      await tick();
      expect([await other, stage.passed]).toEqual(["passed", ["2"]]);
    });

    test("does not wait for what the service does", async () => {
      const shared = new Scripted();
      const middleware = rateLimit({ rate: 10, shared });
      const seen: string[] = [];
      const stage = new Stage((inbound) =>
        middleware(inbound, ({ body }) => {
          seen.push(String(body));
          return new Promise(() => {});
        }),
      );
      void stage.sendLate({ body: "1" });
      void stage.sendLate({ body: "2" });
      for (const ask of shared.asks) ask.resolve();
      await new Promise((resolve) => setImmediate(resolve));
      expect(seen).toEqual(["1", "2"]);
    });

    test("holds after a service that throws", async () => {
      const shared = new Scripted();
      const middleware = rateLimit({ rate: 10, shared });
      const defect = new Error("defect");
      const stage = new Stage((inbound, next) =>
        middleware(inbound, (given) => {
          if (given.body === "1") throw defect;
          return next(given);
        }),
      );
      const results = [stage.hand({ body: "1" }), stage.hand({ body: "2" })] as Promise<unknown>[];
      for (const ask of shared.asks) ask.resolve();
      expect(await Promise.allSettled(results)).toMatchObject([{ reason: defect }, { value: "passed" }]);
    });
  });

  describe("that fail", () => {
    test("are told of once, and leave it to the server's own", async () => {
      const { shared, tick, send, stage, outcomes } = setUp({ burst: 3, warn: 0 });
      send("1");
      send("2");
      const defect = new Error("gone");
      shared.asks[0]!.reject(defect);
      await tick();
      // Whoever waits for them waits no longer, and who comes does not wait at all.
      expect(stage.passed).toEqual(["1", "2"]);
      expect([stage.send({ body: "3" }), stage.send({ body: "4" })]).toEqual(["passed", "rate_limited"]);
      shared.asks[1]!.reject(defect);
      await tick();
      expect(outcomes).toEqual(["1 passed", "2 passed"]);
      expect(stage.errors).toEqual([new Error("Shared rate limits fail: each server goes by its own")]);
      expect(stage.errors).toMatchObject([{ cause: defect }]);
    });

    test("by throwing, too", async () => {
      const { stage } = setUp({
        shared: {
          take() {
            throw new Error("defect");
          },
        },
      });
      expect(await stage.sendLate()).toBe("passed");
      expect(stage.errors).toHaveLength(1);
    });

    test("by not answering in time, too", async () => {
      const { shared, clock, tick, send, stage } = setUp({ timeout: 200 });
      send("1");
      await tick(100);
      send("2");
      await tick(99);
      expect([stage.passed, clock.timers]).toEqual([[], 1]);
      await tick(1);
      expect([stage.passed, clock.timers]).toEqual([["1", "2"], 0]);
      expect(stage.errors).toMatchObject([{ cause: new Error("No answer in 200 ms") }]);
      // What comes now comes too late.
      shared.asks[0]!.resolve(refused);
      shared.asks[1]!.reject(new Error("late"));
      await tick();
      expect(stage.send()).toBe("passed");
      expect([stage.errors.length, stage.limits]).toEqual([1, []]);
    });

    test("are tried again each second, beside what goes on without them", async () => {
      const { shared, tick, send, stage } = setUp();
      send("1");
      shared.asks[0]!.reject(new Error("gone"));
      await tick(999);
      expect([stage.flood(5), shared.asks.length]).toEqual([5, 1]);
      await tick(1);
      expect([stage.flood(5), shared.asks.length]).toEqual([5, 2]);
      await tick(250);
      expect([stage.flood(5), shared.asks.length]).toEqual([5, 2]);
      await tick(1000);
      expect([stage.flood(5), shared.asks.length]).toEqual([5, 3]);
      shared.asks[2]!.resolve();
      await tick();
      send("2");
      expect([shared.asks.length, stage.errors.length]).toEqual([4, 1]);
      // Another outage is told of again.
      shared.asks[3]!.reject(new Error("gone again"));
      await tick();
      expect(stage.errors).toHaveLength(2);
    });

    test("leave no timer behind when they answer", async () => {
      const { shared, clock, tick, send } = setUp();
      for (let i = 0; i < 50; i++) send("x");
      expect(clock.timersSet).toBe(1);
      for (const ask of shared.asks) ask.resolve();
      await tick(250);
      expect([clock.timers, clock.timersSet]).toEqual([0, 1]);
    });
  });
});

describe("redisBuckets", () => {
  const sizes = { rate: 10, burst: 5 };

  test("names keys by prefix and size, and counts in µs", async () => {
    const seen: unknown[] = [];
    const buckets = redisBuckets(
      {
        eval: async (_, ...rest) => {
          seen.push(rest);
          return [0, 300_000];
        },
      },
      { prefix: "app:" },
    );
    expect(await buckets.take("192.0.2.1", 2, sizes)).toEqual({ allowed: true, remaining: 2, retryAfter: 0 });
    expect(seen).toEqual([[1, "app:10/5:192.0.2.1", 200_000, 500_000]]);
  });

  test.each([
    [[50_500, 500_000], { allowed: false, remaining: 0, retryAfter: 50.5 }],
    [["50500", "500001"], { allowed: false, remaining: 0, retryAfter: 50.5 }],
  ])("reads %j", async (answer, take) => {
    expect(await redisBuckets({ eval: async () => answer }).take("a", 1, sizes)).toEqual(take);
  });

  test.each([null, "OK", [], [0], ["x", 1]])("fails at the answer %j", async (answer) => {
    const taking = redisBuckets({ eval: async () => answer }).take("a", 1, sizes);
    await expect(taking).rejects.toThrow(new TypeError("Redis answers something else"));
  });

  test("refuses what is no client", () => {
    expect(() => redisBuckets({} as never)).toThrow(new TypeError("The Redis client has no eval"));
    expect(() => redisBuckets(undefined as never)).toThrow(new TypeError("The Redis client has no eval"));
  });
});
