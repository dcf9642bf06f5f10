import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { prism, type Inbound } from "../../mod.ts";
import { rateLimit, type RateLimitOptions } from "../../src/middleware/rate-limit.ts";
import { createOpen, createStage, join } from "../server/raw.ts";
import { Stage } from "./stage.ts";

const setUp = (options: RateLimitOptions): Stage => new Stage(rateLimit(options));

describe("rateLimit", () => {
  test("lets a bucket through at once, and then its rate", () => {
    const stage = setUp({ rate: 10, burst: 5 });
    expect(stage.flood(20)).toBe(5);
    stage.wait(99);
    expect(stage.flood(20)).toBe(0);
    stage.wait(1);
    expect(stage.flood(20)).toBe(1);
    stage.wait(350);
    expect(stage.flood(20)).toBe(3);
    stage.wait(1e9);
    expect(stage.flood(20)).toBe(5);
  });

  test("says when to try again, and means it", () => {
    const stage = setUp({ rate: 3, burst: 1 });
    stage.send();
    stage.wait(100.5);
    const refusal = stage.refusal();
    expect(refusal).toMatchObject({ code: "rate_limited", message: "Try again in 233 ms", data: { retryAfter: 233 } });
    stage.wait(233);
    expect(stage.send()).toBe("passed");
  });

  test("holds a second's worth where nothing is said, and at least one", () => {
    expect(setUp({ rate: 7 }).flood(20)).toBe(7);
    expect(setUp({ rate: 0.1 }).flood(20)).toBe(1);
  });

  test("drops messages", () => {
    const stage = setUp({ rate: 1 });
    expect(stage.send({ kind: "message" })).toBe("passed");
    expect(stage.send({ kind: "message" })).toBe("dropped");
  });

  test("is synchronous, and hands back what the service does", () => {
    const stage = setUp({ rate: 1 });
    expect(stage.hand()).toBe("passed");
    expect(stage.hand({ kind: "message" })).toBe(undefined);
  });

  describe("by", () => {
    const both = (options: Partial<RateLimitOptions>, one: string | undefined, other: string | undefined): string => {
      const stage = setUp({ rate: 1, ...options });
      stage.send({ from: stage.connect(one) });
      return stage.send({ from: stage.connect(other) });
    };

    test("connection: each has its own", () => {
      expect(both({}, "192.0.2.1", "192.0.2.1")).toBe("passed");
      expect(both({ by: "connection" }, "192.0.2.1", "192.0.2.1")).toBe("passed");
    });

    test.each([
      ["192.0.2.1", "192.0.2.1", "rate_limited"],
      ["192.0.2.1", "192.0.2.2", "passed"],
      ["192.0.2.1", "::ffff:192.0.2.1", "rate_limited"],
      ["2001:db8::1", "2001:db8::2", "rate_limited"],
      ["2001:db8::1", "2001:db8:0:1::1", "passed"],
      // The connection's, where the runtime tells none.
      [undefined, undefined, "passed"],
    ])("address: %s and then %s", (one, other, result) => {
      expect(both({ by: "address" }, one, other)).toBe(result);
    });

    test("address: one that is not known is its connection", () => {
      const stage = setUp({ rate: 1, by: "address" });
      expect([stage.send(), stage.send()]).toEqual(["passed", "rate_limited"]);
      expect(stage.limits.at(-1)).toMatchObject({ key: "c1" });
    });

    test("session: connections of one share", () => {
      const stage = setUp({ rate: 1, by: "session" });
      stage.send({ session: "a" });
      expect(stage.send({ session: "a", from: stage.connect() })).toBe("rate_limited");
      expect(stage.send({ session: "b", from: stage.connect() })).toBe("passed");
    });

    test("a function: what has no key is not limited", () => {
      const stage = setUp({ rate: 1, by: ({ service }) => (service === "free" ? undefined : service) });
      expect(stage.flood(5, { service: "chat" })).toBe(1);
      expect(stage.flood(5, { service: "math", from: stage.connect() })).toBe(1);
      expect(stage.flood(5, { service: "free" })).toBe(5);
    });

    test("a function: of long keys the beginning counts", () => {
      const long = "é".repeat(256);
      const stage = setUp({ rate: 1, by: ({ body }) => String(body) });
      expect(stage.send({ body: `${long}1` })).toBe("passed");
      expect(stage.send({ body: `${long}2` })).toBe("rate_limited");
      expect(stage.limits.at(-1)?.key).toBe(long);
      expect(stage.send({ body: long.slice(1) })).toBe("passed");
    });

    test("a function that gives something else is a defect, and nothing passes", () => {
      const stage = setUp({ rate: 1, by: (() => 1) as never });
      expect(() => stage.hand()).toThrow(new TypeError("The key of a rate limit is not a text: 1"));
    });
  });

  describe("per", () => {
    test("message: calls and messages alike", () => {
      const stage = setUp({ rate: 2, per: "message" });
      expect([stage.send({ kind: "message" }), stage.send(), stage.send()]).toEqual([
        "passed",
        "passed",
        "rate_limited",
      ]);
    });

    test("call: messages cost nothing", () => {
      const stage = setUp({ rate: 1, per: "call" });
      expect(stage.flood(5, { kind: "message" })).toBe(5);
      expect(stage.flood(5)).toBe(1);
      expect(stage.flood(5, { kind: "message" })).toBe(5);
    });

    test("byte: as many as the body has in UTF-8, at least 1", () => {
      const stage = setUp({ rate: 1, burst: 10, per: "byte" });
      expect(stage.send({ body: "é€😀" })).toBe("passed");
      expect(stage.send({ body: new Uint8Array(2) })).toBe("rate_limited");
      expect(stage.send({ body: new Uint8Array(1) })).toBe("passed");
      expect(stage.send({ body: "" })).toBe("rate_limited");
    });

    test("byte: what a bucket does not hold never passes, and does not empty it", () => {
      const stage = setUp({ rate: 1, burst: 10, per: "byte" });
      const body = "x".repeat(11);
      expect(stage.refusal({ body })).toMatchObject({ code: "too_large", data: undefined });
      expect(stage.send({ body, kind: "message" })).toBe("dropped");
      expect(stage.limits).toMatchObject([{ level: "limited", retryAfter: Infinity }]);
      expect(stage.send({ body: "x".repeat(10) })).toBe("passed");
    });

    test("a function: any weight", () => {
      const stage = setUp({ rate: 1, burst: 3, per: ({ body }) => Number(body) });
      expect(stage.flood(9, { body: "0" })).toBe(9);
      expect(stage.flood(9, { body: "0.5" })).toBe(6);
      expect(stage.flood(9, { body: "0" })).toBe(9);
    });

    test.each([Number.NaN, -1, Infinity, "1"])("a function that gives %s is a defect, and nothing passes", (cost) => {
      const stage = setUp({ rate: 1, per: () => cost as number });
      expect(() => stage.hand()).toThrow(new RangeError(`The cost of a message is not a number from 0 up: ${cost}`));
    });
  });

  describe("tells", () => {
    test("once that the limit is near, and once that it is reached", () => {
      const stage = setUp({ rate: 10, burst: 10 });
      expect([stage.flood(8), stage.levels()]).toEqual([8, []]);
      expect([stage.flood(2), stage.levels()]).toEqual([2, ["warning"]]);
      expect([stage.flood(9), stage.levels()]).toEqual([0, ["limited"]]);
      // Less than half of what is above 0.2 has come back.
      stage.wait(599);
      expect([stage.flood(50), stage.levels()]).toEqual([5, []]);
      stage.wait(999);
      expect([stage.flood(1), stage.levels()]).toEqual([1, []]);
      stage.wait(1000);
      expect([stage.flood(50), stage.levels()]).toEqual([10, ["warning", "limited"]]);
    });

    test("whom, and for how long", () => {
      const stage = setUp({ rate: 10, burst: 5, by: "address" });
      const from = stage.connect("::ffff:192.0.2.1");
      stage.flood(6, { from, service: "chat", kind: "message" });
      const about = { connection: from, service: "chat", kind: "message", key: "192.0.2.1" };
      expect(stage.limits).toEqual([
        { level: "warning", ...about, retryAfter: 0 },
        { level: "limited", ...about, retryAfter: 100 },
      ]);
    });

    test("nothing of a client that keeps to the rate", () => {
      const stage = setUp({ rate: 10, burst: 10 });
      for (let i = 0; i < 1000; i++, stage.wait(100)) expect(stage.send()).toBe("passed");
      expect(stage.limits).toEqual([]);
    });

    test("little of a bucket that fills in no time", () => {
      const stage = setUp({ rate: 100, burst: 1, close: Infinity });
      for (let i = 0; i < 1000; i++, stage.wait(1)) stage.send();
      expect([stage.passed.length, stage.levels()]).toEqual([100, ["limited"]]);
      const sawtooth = setUp({ rate: 1000, burst: 10 });
      for (let i = 0; i < 100; i++, sawtooth.wait(10)) expect(sawtooth.flood(10)).toBe(10);
      expect(sawtooth.levels()).toEqual(["warning"]);
    });

    test.each([
      [0, 9, []],
      [0, 11, ["limited"]],
      [0.5, 5, []],
      [0.5, 6, ["warning"]],
      [0.1, 10, ["warning"]],
      [0.09, 10, []],
      [1, 1, ["warning"]],
    ])("of warnings as `warn` says: %s, %s messages", (warn, count, levels) => {
      const stage = setUp({ rate: 10, burst: 10, warn });
      stage.flood(count);
      expect(stage.levels()).toEqual(levels);
    });

    test("each bucket's by itself", () => {
      const stage = setUp({ rate: 1, warn: 0 });
      const clients = [stage.connect(), stage.connect()];
      for (const from of clients) stage.flood(9, { from });
      expect(stage.limits.map(({ connection }) => connection)).toEqual(clients);
    });
  });

  describe("closes", () => {
    test("those who go on", () => {
      const stage = setUp({ rate: 1, warn: 0, close: 5 });
      expect(stage.flood(5)).toBe(1);
      expect(stage.client.closed).toBe(false);
      stage.send({ kind: "message" });
      expect(stage.client).toMatchObject({ closed: true, reason: "Rate limit" });
      expect(stage.levels()).toEqual(["limited", "closed"]);
      // What was on its way.
      expect(stage.send()).toBe("dropped");
      expect([stage.levels(), stage.passed.length]).toEqual([[], 1]);
    });

    test("also those who get something through in between", () => {
      const stage = setUp({ rate: 1, close: 100 });
      for (let i = 0; i < 40 && !stage.client.closed; i++, stage.wait(500)) stage.flood(5);
      expect(stage.client.closed).toBe(true);
      expect(stage.clock.now()).toBeLessThan(15_000);
    });

    test("not those who pause", () => {
      const stage = setUp({ rate: 100, close: 10 });
      for (let i = 0; i < 5; i++, stage.wait(10_000)) expect(stage.flood(109)).toBe(100);
      expect(stage.client.closed).toBe(false);
    });

    test("not others with the same key", () => {
      const stage = setUp({ rate: 1, by: "address", close: 5 });
      const [bad, good] = [stage.connect("192.0.2.1"), stage.connect("192.0.2.1")];
      stage.flood(20, { from: bad });
      stage.flood(4, { from: good });
      expect([bad.closed, good.closed]).toEqual([true, false]);
    });

    test("those who send what never passes", () => {
      const stage = setUp({ rate: 1, per: "byte", close: 5 });
      stage.flood(20, { body: "xx", kind: "message" });
      expect(stage.levels()).toEqual(["limited", "closed"]);
    });

    test("nobody, if so wanted; and an honest client with all its calls in flight never", () => {
      const never = setUp({ rate: 1, close: Infinity });
      never.flood(100_000);
      expect(never.client.closed).toBe(false);
      const usual = setUp({ rate: 1 });
      usual.flood(1024);
      expect(usual.client.closed).toBe(false);
      usual.flood(1024 + 1);
      expect(usual.client.closed).toBe(true);
    });
  });

  test("never lets through more than it may, and never less than it must", () => {
    const steps = fc.array(
      fc.record({
        wait: fc.oneof(fc.nat(50), fc.double({ min: 0, max: 500, noNaN: true })),
        cost: fc.integer({ min: 1, max: 4 }),
      }),
      { minLength: 1, maxLength: 200 },
    );
    const rates = fc.double({ min: 0.01, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(rates, fc.integer({ min: 4, max: 50 }), fc.nat(1e9), steps, (rate, burst, start, all) => {
        const stage = setUp({ rate, burst, per: ({ body }) => Number(body) });
        stage.wait(start);
        // Another bucket, which counts tokens.
        let tokens = burst;
        const taken: { at: number; sum: number }[] = [{ at: stage.clock.now(), sum: 0 }];
        for (const { wait, cost } of all) {
          const before = stage.clock.now();
          stage.wait(wait);
          tokens = Math.min(burst, tokens + ((stage.clock.now() - before) * rate) / 1000);
          const passed = stage.send({ body: String(cost) }) === "passed";
          // Within what rounding may cost.
          const slack = (rate / 1000) * 0.002 + 1e-6;
          if (passed) expect(cost).toBeLessThanOrEqual(tokens + slack);
          else expect(tokens).toBeLessThan(cost + slack);
          if (!passed) continue;
          tokens -= cost;
          const sum = taken.at(-1)!.sum + cost;
          for (const from of taken)
            expect(sum - from.sum).toBeLessThanOrEqual(
              burst + ((stage.clock.now() - from.at) * rate) / 1000 + 1e-6 + slack,
            );
          taken.push({ at: stage.clock.now(), sum });
        }
        // However much was refused, it comes back.
        stage.wait((burst * 1000) / rate + 1);
        expect(stage.flood(burst, { body: "1", from: stage.client })).toBe(burst);
      }),
    );
  });

  test.each<[Partial<Record<keyof RateLimitOptions, unknown>>, string]>([
    [{ rate: 0 }, "Option rate of the rate limit is not a number above 0: 0"],
    [{ rate: undefined }, "Option rate of the rate limit is not a number above 0: undefined"],
    [{ rate: "5" }, "Option rate of the rate limit is not a number above 0: 5"],
    [{ rate: Infinity }, "Option rate of the rate limit is not a number above 0: Infinity"],
    [{ burst: 0 }, "Option burst of the rate limit is not a number above 0: 0"],
    [{ burst: Number.NaN }, "Option burst of the rate limit is not a number above 0: NaN"],
    [{ burst: 1e9 }, "Option burst of the rate limit is not filled within a year at a rate of 1: 1000000000"],
    [{ warn: 1.1 }, "Option warn of the rate limit is not a number from 0 to 1: 1.1"],
    [{ warn: "x" }, "Option warn of the rate limit is not a number from 0 to 1: x"],
    [{ close: 0 }, "Option close of the rate limit is not a whole number from 1, or Infinity: 0"],
    [{ close: 1.5 }, "Option close of the rate limit is not a whole number from 1, or Infinity: 1.5"],
    [{ maxKeys: 0 }, "Option maxKeys of the rate limit is not a whole number from 1 to 16000000: 0"],
    [{ maxKeys: Infinity }, "Option maxKeys of the rate limit is not a whole number from 1 to 16000000: Infinity"],
    [{ timeout: 0 }, "Option timeout of the rate limit is not a number above 0, to 2147483647: 0"],
    [{ timeout: Infinity }, "Option timeout of the rate limit is not a number above 0, to 2147483647: Infinity"],
  ])("refuses %j", (options, message) => {
    expect(() => rateLimit({ rate: 1, ...options } as RateLimitOptions)).toThrow(new RangeError(message));
  });

  test.each<[Partial<Record<keyof RateLimitOptions, unknown>>, string]>([
    [{ by: "user" }, "Cannot limit by user"],
    [{ by: null }, "Cannot limit by null"],
    [{ per: "bytes" }, "Cannot limit per bytes"],
    [{ shared: {} }, "The shared buckets have no take"],
    [{ shared: null }, "The shared buckets have no take"],
  ])("does not know %j", (options, message) => {
    expect(() => rateLimit({ rate: 1, ...options } as RateLimitOptions)).toThrow(new TypeError(message));
  });

  test("stands before an app's services", async () => {
    const { clock, options } = createStage();
    const heard: unknown[] = [];
    const { service } = createOpen((host) => {
      host.onmessage((body) => heard.push(body));
      host.oncall((body) => {
        heard.push(["call", body]);
        return body;
      });
    });
    const app = prism(options)
      .use(rateLimit({ rate: 1, burst: 4, warn: 0, close: 3 }))
      .service("it", service);
    const levels: string[] = [];
    app.events.on("limit", ({ level }) => void levels.push(level));
    const peer = await join(app, clock);
    const refusal = `{"code":"rate_limited","message":"Try again in 1000 ms","data":{"retryAfter":1000}}`;
    expect(await peer.say("@0", "@0", "@1", "?@@2", "?@A3", "@4")).toEqual(["=@2", `!A${refusal}`]);
    await clock.advance(1000);
    expect(await peer.say("@5")).toEqual(["%F"]);
    expect([heard, levels, peer.closings]).toEqual([[0, 0, 1, ["call", 2], 5], ["limited"], []]);
    await peer.say("@6");
    expect([heard, levels]).toEqual([
      [0, 0, 1, ["call", 2], 5],
      ["limited", "closed"],
    ]);
    expect(peer.closings).toEqual([{ code: 1008, reason: "Rate limit" }]);
  });

  test("takes the types of the app", () => {
    interface Types {
      session: { user?: string };
      state: { plan: number };
    }
    const app = prism<Types>().use(
      rateLimit({
        rate: 1,
        by: ({ session }) => session.data.user,
        per: ({ connection }) => 1 / connection.state.plan,
      }),
    );
    const options: RateLimitOptions<Types> = {
      rate: 1,
      // @ts-expect-error no such member
      by: (inbound: Inbound<Types>) => inbound.session.data.name,
    };
    expect([app, options]).toHaveLength(2);
  });
});
