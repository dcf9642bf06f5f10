import type { Cluster, Redis, RedisOptions } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { rateLimit, redisBuckets, type RedisEvaluator, type SharedTake } from "../../src/middleware/rate-limit.ts";
import { serverClock } from "../../src/server/clock.ts";
import { Stage } from "../middleware/stage.ts";
import { startRedis } from "../support/redis.ts";
import { openClient, useRedis } from "./clients.ts";

const server = useRedis();

const open = (url = server.url, options: RedisOptions = {}): Redis => openClient(url, options);

let prefixes = 0;
const newPrefix = (): string => `limit${prefixes++}:`;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("buckets in Redis", () => {
  test("are shared by clients", async () => {
    const prefix = newPrefix();
    const [one, other] = [redisBuckets(open(), { prefix }), redisBuckets(open(), { prefix })];
    const size = { rate: 0.01, burst: 3 };
    const takes: SharedTake[] = [];
    for (const buckets of [one, other, one, other]) takes.push(await buckets.take("a", 1, size));
    expect(takes.map(({ allowed }) => allowed)).toEqual([true, true, true, false]);
    expect(takes.map(({ remaining }) => Math.round(remaining))).toEqual([2, 1, 0, 0]);
    expect(takes[3]!.retryAfter).toBeGreaterThan(90_000);
    expect(takes[3]!.retryAfter).toBeLessThanOrEqual(100_000);
    expect(await other.take("b", 1, size)).toMatchObject({ allowed: true });
  });

  test("let through what they hold, and no more, of 200 takes at once", async () => {
    const prefix = newPrefix();
    const clients = [redisBuckets(open(), { prefix }), redisBuckets(open(), { prefix })];
    const size = { rate: 0.001, burst: 77 };
    const takes = await Promise.all(Array.from({ length: 200 }, (_, i) => clients[i % 2]!.take("a", 1, size)));
    expect(takes.filter(({ allowed }) => allowed)).toHaveLength(77);
    expect(takes.filter(({ allowed, retryAfter }) => allowed !== (retryAfter === 0))).toEqual([]);
  });

  test("fill by Redis' own time", async () => {
    const buckets = redisBuckets(open(), { prefix: newPrefix() });
    const size = { rate: 20, burst: 2 };
    await buckets.take("a", 2, size);
    const { allowed, retryAfter } = await buckets.take("a", 1, size);
    expect([allowed, retryAfter > 0, retryAfter <= 50]).toEqual([false, true, true]);
    await sleep(retryAfter + 1);
    expect(await buckets.take("a", 1, size)).toMatchObject({ allowed: true });
  });

  test("are gone when they are full", async () => {
    const prefix = newPrefix();
    const buckets = redisBuckets(open(), { prefix });
    await buckets.take("a", 1, { rate: 10, burst: 100 });
    await buckets.take("b", 50, { rate: 10, burst: 100 });
    const [short, long] = await Promise.all([
      server.raw.pttl(`${prefix}10/100:a`),
      server.raw.pttl(`${prefix}10/100:b`),
    ]);
    expect([short > 0, short <= 102, long > 4000, long <= 5002]).toEqual([true, true, true, true]);
    await expect.poll(() => server.raw.keys(`${prefix}*`)).toEqual([`${prefix}10/100:b`]);
  });

  test("take nothing where they do not allow it, and leave nothing where nothing was taken", async () => {
    const prefix = newPrefix();
    const buckets = redisBuckets(open(), { prefix });
    const size = { rate: 0.01, burst: 5 };
    expect(await buckets.take("a", 6, size)).toMatchObject({ allowed: false, remaining: 5 });
    expect(await server.raw.exists(`${prefix}0.01/5:a`)).toBe(0);
    await buckets.take("a", 4, size);
    for (let i = 0; i < 5; i++) expect(await buckets.take("a", 2, size)).toMatchObject({ allowed: false });
    expect(await buckets.take("a", 1, size)).toMatchObject({ allowed: true });
  });

  test("of other sizes are others", async () => {
    const buckets = redisBuckets(open(), { prefix: newPrefix() });
    await buckets.take("a", 1, { rate: 0.1, burst: 1 });
    expect(await buckets.take("a", 1, { rate: 0.2, burst: 1 })).toMatchObject({ allowed: true });
    expect(await buckets.take("a", 1, { rate: 0.1, burst: 1 })).toMatchObject({ allowed: false });
  });

  test.each([
    ["garbage", 4],
    // What a clock that was set back leaves: no more than an empty bucket.
    ["9e15", -1],
    // And one that was set forward.
    ["1", 4],
  ])("survive %s in their place", async (value, remaining) => {
    const prefix = newPrefix();
    const buckets = redisBuckets(open(), { prefix });
    await server.raw.set(`${prefix}10/5:a`, value);
    const take = await buckets.take("a", 1, { rate: 10, burst: 5 });
    if (remaining >= 0) expect(take).toMatchObject({ allowed: true, remaining });
    else expect(take).toEqual({ allowed: false, remaining: 0, retryAfter: 100 });
  });

  test("count as exactly as buckets in memory", async () => {
    const buckets = redisBuckets(open(), { prefix: newPrefix() });
    for (const [rate, burst, cost] of [
      [0.3, 1000, 7],
      [1e-3, 12.5, 0.1],
      [1e-4, 100, 33],
    ] as const) {
      const takes = await Promise.all(Array.from({ length: 300 }, () => buckets.take("a", cost, { rate, burst })));
      expect(takes.filter(({ allowed }) => allowed)).toHaveLength(Math.floor(burst / cost + 1e-9));
    }
  });

  test("fit ioredis", () => {
    const clients = [] as (Redis | Cluster)[];
    expect(clients satisfies RedisEvaluator[]).toEqual([]);
  });
});

describe("a limit shared through Redis", () => {
  const limit = { rate: 0.1, burst: 10, by: "address", warn: 0 } as const;

  test("is one for all servers, and keeps the order", async () => {
    const prefix = newPrefix();
    const servers = Array.from(
      { length: 2 },
      () => new Stage(rateLimit({ ...limit, shared: redisBuckets(open(), { prefix }) }), serverClock),
    );
    const clients = servers.map((stage) => stage.connect("192.0.2.1"));
    const sent = Array.from({ length: 40 }, (_, i) =>
      servers[i % 2]!.sendLate({ from: clients[i % 2]!, body: String(i).padStart(2, "0") }),
    );
    const outcomes = await Promise.all(sent);
    expect(outcomes.filter((outcome) => outcome === "passed")).toHaveLength(10);
    for (const { passed, limits, errors } of servers) {
      expect(passed).toEqual(passed.toSorted((a, b) => Number(a) - Number(b)));
      expect([limits.length, errors]).toEqual([1, []]);
    }
  });

  test.each<[string, RedisOptions]>([
    ["the limit's deadline", {}],
    ["the client's deadline", { commandTimeout: 200 }],
  ])("goes by each server's own while Redis hangs, by %s", async (_, options) => {
    const own = await startRedis();
    onTestFinished(() => own.stop());
    const shared = redisBuckets(open(own.url, options));
    const stage = new Stage(rateLimit({ ...limit, shared }), serverClock);
    expect(await stage.sendLate()).toBe("passed");
    own.pause();
    const start = performance.now();
    const outcomes = await Promise.all(Array.from({ length: 19 }, () => stage.sendLate()));
    expect(performance.now() - start).toBeLessThan(2000);
    expect(outcomes.filter((outcome) => outcome === "passed")).toHaveLength(9);
    expect(stage.errors).toHaveLength(1);
    own.resume();
  });

  test("goes by each server's own while Redis is gone, and shares again when it is back", async () => {
    const own = await startRedis();
    onTestFinished(() => own.stop());
    const prefix = newPrefix();
    const shared = redisBuckets(open(own.url, { retryStrategy: () => 20 }), { prefix });
    // More than are sent here: only the shared ones can be empty.
    const size = { rate: 0.1, burst: 1000 };
    const stage = new Stage(rateLimit({ ...limit, ...size, shared }), serverClock);
    expect(await stage.sendLate()).toBe("passed");
    await own.stop();
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => stage.sendLate()));
    expect([outcomes, stage.errors.length]).toEqual([Array(5).fill("passed"), 1]);
    // Known to be gone, it costs no time.
    expect(stage.send()).toBe("passed");

    const again = await startRedis(own.port);
    onTestFinished(() => again.stop());
    const other = redisBuckets(open(again.url), { prefix });
    // Somebody else takes all: seen only when it is asked again.
    expect(await other.take(stage.client.id, size.burst, size)).toMatchObject({ allowed: true });
    await expect.poll(() => stage.sendLate(), { timeout: 10_000, interval: 100 }).toBe("rate_limited");
    expect(stage.errors).toHaveLength(1);
  });
});
