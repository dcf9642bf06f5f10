import { createStorage, type Driver, prefixStorage } from "unstorage";
import fs from "unstorage/drivers/fs";
import http from "unstorage/drivers/http";
import lru from "unstorage/drivers/lru-cache";
import memory from "unstorage/drivers/memory";
import redis from "unstorage/drivers/redis";
import { describe, expect, test } from "vitest";
import { createMemoryHandover } from "../../src/handover/memory-handover.ts";
import { openHandover } from "../../src/handover/open-handover.ts";
import { createRedisHandover, type RedisHandoverClient } from "../../src/handover/redis-handover.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { describeHandover } from "./contract.ts";

const minute = 60_000;

describeHandover("in memory", async () => {
  const clock = new FakeClock();
  const handover = createMemoryHandover(clock);
  return {
    handover,
    other: handover,
    pass: (ms) => clock.advance(ms),
    isEmpty: async () => clock.timers === 0,
  };
});

describeHandover("in a storage in memory, which two apps have", async () => {
  const clock = new FakeClock();
  const storage = createStorage();
  const open = () => openHandover(storage, clock);
  return { handover: open(), other: open(), pass: (ms) => clock.advance(ms), isEmpty: async () => clock.timers === 0 };
});

describe("in memory", () => {
  test("one timer serves all, and none runs for nothing", async () => {
    const clock = new FakeClock();
    const handover = createMemoryHandover(clock);
    expect(await handover.take("a")).toBeUndefined();
    expect(clock.timersSet).toBe(0);
    for (let n = 0; n < 1000; n++) await handover.park(`key${n}`, "x", 10_000 + n);
    expect([clock.timers, clock.timersSet]).toEqual([1, 1]);
    for (let n = 0; n < 1000; n++) {
      expect(clock.timers).toBe(1);
      await handover.take(`key${n}`);
    }
    expect(clock.timers).toBe(0);

    await handover.park("a", "x", 10_000);
    await clock.advance(9_999);
    expect(clock.timers).toBe(1);
    await clock.advance(1_001);
    expect(clock.timers).toBe(0);
  });

  test("a time is over to the ms, though nothing has looked for it, and whatever held the process up", async () => {
    const clock = new FakeClock();
    const handover = createMemoryHandover(clock);
    for (const [held, text] of [
      [99, "x"],
      [100, undefined],
      [5_000, undefined],
    ] as const) {
      await handover.park("a", "x", 100);
      clock.hold(held);
      expect(await handover.take("a")).toBe(text);
    }
  });

  test("no time is too long", async () => {
    const clock = new FakeClock();
    const handover = createMemoryHandover(clock);
    await handover.park("a", "x", Number.MAX_SAFE_INTEGER);
    await clock.advance(minute);
    expect(await handover.take("a")).toBe("x");
  });
});

/** A client that notes what it is asked, before Redis 6.2 or after. */
function fakeClient(answers: Partial<RedisHandoverClient> = {}) {
  const asked: unknown[][] = [];
  const note =
    (name: string, answer: unknown) =>
    async (...args: unknown[]): Promise<never> => {
      asked.push([name, ...args]);
      if (answer instanceof Error) throw answer;
      return answer as never;
    };
  const client: RedisHandoverClient = {
    set: note("set", "OK"),
    getdel: note("getdel", "text"),
    eval: note("eval", "text"),
    ...answers,
  };
  return { client, asked, note };
}

describe("in Redis, as its client sees it", () => {
  test("each is one command, and the time is whole ms", async () => {
    const { client, asked } = fakeClient();
    const handover = createRedisHandover(() => client, "app:");
    await handover.park("a", "text", 1000);
    await handover.park("b", "text", 0.5);
    expect(await handover.take("a")).toBe("text");
    expect(asked).toEqual([
      ["set", "app:a", "text", "PX", 1000],
      ["set", "app:b", "text", "PX", 1],
      ["getdel", "app:a"],
    ]);
  });

  test("it connects when there is something to do, and no sooner", async () => {
    const { client } = fakeClient();
    let made = 0;
    const handover = createRedisHandover(() => (made++, client), "");
    expect(made).toBe(0);
    await handover.take("a");
    expect(made).toBe(1);
  });

  test.each([
    "ERR unknown command 'getdel'",
    "ERR unknown command `getdel`, with args beginning with: `app:a`, ",
    "ERR Unknown command 'GETDEL'",
  ])("one without GETDEL runs a script, and is asked for GETDEL once: %s", async (message) => {
    const { client, asked, note } = fakeClient();
    const old = { ...client, getdel: note("getdel", new Error(message)) };
    const handover = createRedisHandover(() => old, "app:");
    expect([await handover.take("a"), await handover.take("b")]).toEqual(["text", "text"]);
    expect(asked).toEqual([
      ["getdel", "app:a"],
      ["eval", expect.stringContaining('redis.call("DEL", KEYS[1])'), 1, "app:a"],
      ["eval", expect.stringContaining('redis.call("DEL", KEYS[1])'), 1, "app:b"],
    ]);
  });

  test.each([
    "WRONGTYPE Operation against a key holding the wrong kind of value",
    "NOPERM this user has no permissions to run the 'getdel' command",
    "Command timed out",
    "Connection is closed.",
    "LOADING ERR unknown command",
  ])("what else goes wrong is told, and runs no script: %s", async (message) => {
    const { client, asked, note } = fakeClient();
    const failing = { ...client, set: note("set", new Error(message)), getdel: note("getdel", new Error(message)) };
    const handover = createRedisHandover(() => failing, "");
    await expect(handover.park("a", "text", minute)).rejects.toThrow(message);
    await expect(handover.take("a")).rejects.toThrow(message);
    await expect(handover.take("a")).rejects.toThrow(message);
    expect(asked.map(([name]) => name)).toEqual(["set", "getdel", "getdel"]);
  });

  test("a script that fails is told", async () => {
    const { client, note } = fakeClient();
    const old = {
      ...client,
      getdel: note("getdel", new Error("ERR unknown command 'getdel'")),
      eval: note("eval", new Error("ERR unknown command 'eval'")),
    };
    await expect(createRedisHandover(() => old, "").take("a")).rejects.toThrow("unknown command 'eval'");
  });

  test("a client that cannot be made is told", async () => {
    const handover = createRedisHandover(() => {
      throw new Error("No client");
    }, "");
    await expect(handover.park("a", "text", minute)).rejects.toThrow("No client");
    await expect(handover.take("a")).rejects.toThrow("No client");
  });
});

describe("openHandover", () => {
  const clock = new FakeClock();

  test("takes a handover of one's own as it is", () => {
    const own = createMemoryHandover(clock);
    expect(openHandover(own, clock)).toBe(own);
  });

  test("has one for each storage in memory", async () => {
    const [one, two] = [createStorage(), createStorage({ driver: memory() })];
    expect(openHandover(one, clock)).toBe(openHandover(one, new FakeClock()));
    await openHandover(one, clock).park("a", "x", minute);
    expect(await openHandover(two, clock).take("a")).toBeUndefined();
    expect(await openHandover(one, clock).take("a")).toBe("x");
    // What is parked is no item of theirs.
    expect(await one.getKeys()).toEqual([]);
  });

  test("goes by the mount of its own keys", () => {
    const storage = createStorage({ driver: fs({ base: "nowhere" }) });
    storage.mount("prism-handover", memory());
    expect(openHandover(storage, clock)).toBe(openHandover(storage, clock));
    const other = createStorage({ driver: memory() });
    other.mount("prism-handover", fs({ base: "nowhere" }));
    expect(() => openHandover(other, clock)).toThrow('the driver "fs"');
  });

  test("with Redis, connects only when there is something to do", () => {
    let made = 0;
    const driver = { ...redis({}), getInstance: () => made++ };
    expect(openHandover(createStorage({ driver }), clock)).toHaveProperty("take");
    expect(made).toBe(0);
  });

  const named = (name: string | undefined): Driver => {
    const { name: _, getInstance: __, ...rest } = memory();
    return name === undefined ? rest : { ...rest, name };
  };
  const why = ', which cannot take in one step: two servers could take up the same connection; use "redis" or "memory"';

  test.each<[string, Driver]>([
    ['the driver "fs"', fs({ base: "nowhere" })],
    ['the driver "http"', http({ base: "http://localhost" })],
    ['the driver "lru-cache"', lru({})],
    ['the driver "upstash"', named("upstash")],
    ['the driver "toString"', named("toString")],
    // Not unstorage's own, which shows its client.
    ['the driver "redis"', named("redis")],
    ["a storage that does not name its driver", named(undefined)],
  ])("refuses %s", (what, driver) => {
    const problem = new TypeError(`Cannot hand connections over through ${what}${why}`);
    expect(() => openHandover(createStorage({ driver }), clock)).toThrow(problem);
  });

  test("refuses a storage that does not say what it has", () => {
    const { getMount: _, ...storage } = createStorage();
    expect(() => openHandover(storage, clock)).toThrow("a storage that does not name its driver");
  });

  test.each([memory(), redis({})])("refuses a corner: %o", (driver) => {
    const corner = prefixStorage(createStorage({ driver }), "corner");
    expect(() => openHandover(corner, clock)).toThrow(
      new TypeError(
        "Cannot hand connections over through a corner made with prefixStorage, which does not say where it lies: " +
          "use the driver's base, or a mount, instead",
      ),
    );
  });

  test.each([undefined, null, "memory", new Map(), {}, { park: () => {} }])("refuses %o", (given) => {
    expect(() => openHandover(given as never, clock)).toThrow(
      new TypeError("Cannot hand connections over through what is neither an unstorage Storage nor a Handover"),
    );
  });
});
