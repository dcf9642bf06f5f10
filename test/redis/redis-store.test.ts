import { Cluster, type Redis } from "ioredis";
import { createStorage, prefixStorage, type Storage } from "unstorage";
import redis, { type RedisOptions } from "unstorage/drivers/redis";
import { describe, expect, onTestFinished, test } from "vitest";
import { openStore } from "../../src/session/open-store.ts";
import { createRedisStore, type RedisClient } from "../../src/session/redis-store.ts";
import type { SessionStore } from "../../src/session/session-store.ts";
import { createUnstorageStore } from "../../src/session/unstorage-store.ts";
import { randomId } from "../../src/wire/random-id.ts";
import { toRecordOf } from "../session/records.ts";
import { describeStore, idsOf, increment, type StoreStage } from "../session/store.ts";
import { freePort } from "../support/ports.ts";
import { startRedis } from "../support/redis.ts";
import { openClient, useRedis } from "./clients.ts";

const day = 86_400_000;

const server = useRedis();

let bases = 0;
const newBase = (): string => `app${bases++}`;

function openStorage(options: RedisOptions): Storage {
  return createStorage({ driver: redis({ url: server.url, ...options }) });
}

/** A stage with a base of its own, and the same seen through another client. */
function stageOf(open: (storage: Storage) => SessionStore): StoreStage {
  const base = newBase();
  const [storage, second] = [openStorage({ base }), openStorage({ base })];
  const store = open(storage);
  return {
    store,
    other: store.atomic ? open(second) : store,
    storage,
    lifeOf: (id) => server.raw.pttl(`${base}:prism-session:${id}`),
    close: async () => {
      await Promise.all([storage.dispose(), second.dispose()]);
    },
  };
}

describeStore("in Redis", { atomic: true, expires: true, shared: true }, async () => stageOf(openStore));

describeStore("in Redis, through unstorage", { atomic: false, expires: true, shared: true }, async () =>
  stageOf(createUnstorageStore),
);

describe("the Redis store and unstorage's driver", () => {
  const cases: [what: string, options: RedisOptions, mount: string, key: string][] = [
    ["no base", {}, "", "prism-session:"],
    ["a base", { base: "one" }, "", "one:prism-session:"],
    ["a base that ends in a colon", { base: "two:" }, "", "two:prism-session:"],
    ["a base that ends in two", { base: "seven::" }, "", "seven:prism-session:"],
    ["a base in a base", { base: "/three/of\\four:" }, "", "three:of:four:prism-session:"],
    ["a base with a glob's characters", { base: "*?[a-z]^$" }, "", "*?[a-z]^$:prism-session:"],
    ["a mount", { base: "five" }, "prism-session", "five:"],
    ["a mount without a base", {}, "prism-session:", ""],
    ["a client's own prefix", { base: "six", keyPrefix: "client*:" }, "", "client*:six:prism-session:"],
  ];

  test.each(cases)("use the same keys, with %s", async (_, options, mount, prefix) => {
    await server.raw.flushall();
    const driver = redis({ url: server.url, ...options });
    const storage = createStorage(mount === "" ? { driver } : {});
    if (mount !== "") storage.mount(mount, driver);
    onTestFinished(() => storage.dispose());
    const [fast, plain] = [openStore(storage), createUnstorageStore(storage)];
    expect([fast.atomic, plain.atomic]).toEqual([true, false]);

    const ids = [randomId(), randomId()].toSorted() as [string, string];
    const record = { ...toRecordOf({ text: 'é"\ud800', list: [1.5] }), cookie: {}, dead: { until: 1 } };
    await fast.write(ids[0], record, 0, day);
    await plain.write(ids[1], record, 0, day);
    expect((await server.raw.keys("*")).toSorted()).toEqual(ids.map((id) => prefix + id).toSorted());
    const texts = await server.raw.mget(ids.map((id) => prefix + id));
    expect(texts[0]).toBe(texts[1]);
    expect(await idsOf(fast)).toEqual(ids);
  });

  test("read, write over and remove each other's records", async () => {
    const storage = openStorage({ base: newBase() });
    onTestFinished(() => storage.dispose());
    const [fast, plain] = [openStore(storage), createUnstorageStore(storage)];
    for (const [mine, yours] of [
      [fast, plain],
      [plain, fast],
    ] as const) {
      const id = randomId();
      expect(await mine.write(id, toRecordOf({ n: 1 }), 0, day)).toBe(true);
      expect(await yours.read(id)).toEqual(toRecordOf({ n: 1 }));
      expect(await yours.write(id, toRecordOf({ n: 2 }), 0, day)).toBe(false);
      expect(await yours.write(id, { ...toRecordOf({ n: 2 }), version: 2 }, 1, day)).toBe(true);
      expect(await mine.write(id, { ...toRecordOf({ n: 3 }), version: 2 }, 1, day)).toBe(false);
      expect(await mine.read(id)).toEqual({ ...toRecordOf({ n: 2 }), version: 2 });
      expect(await mine.write(id, undefined, 2, day)).toBe(true);
      expect(await yours.read(id)).toBeUndefined();
    }
  });

  test("a corner made with prefixStorage stays one, though it is not atomic", async () => {
    const storage = openStorage({ base: newBase() });
    onTestFinished(() => storage.dispose());
    const store = openStore(prefixStorage(storage, "corner"));
    expect(store).toMatchObject({ atomic: false, expires: true, shared: true });
    const id = randomId();
    await store.write(id, toRecordOf({}), 0, day);
    expect(await storage.getKeys()).toEqual([`corner:prism-session:${id}`]);
    expect(await openStore(storage).read(id)).toBeUndefined();
  });

  test("a key that is no string fails in both", async () => {
    const base = newBase();
    const storage = openStorage({ base });
    onTestFinished(() => storage.dispose());
    const id = randomId();
    await server.raw.rpush(`${base}:prism-session:${id}`, "x");
    for (const store of [openStore(storage), createUnstorageStore(storage)]) {
      await expect(store.read(id)).rejects.toThrow("WRONGTYPE");
      await expect(store.write(id, toRecordOf({}), 0, day)).rejects.toThrow("WRONGTYPE");
    }
  });
});

describe("the Redis store", () => {
  test("connects when there is something to do, and no sooner", async () => {
    let made = 0;
    const client = openClient(server.url, { lazyConnect: true });
    const store = createRedisStore(() => (made++, client), `${newBase()}:`);
    expect(made).toBe(0);
    expect(await store.read(randomId())).toBeUndefined();
    expect(made).toBe(1);
  });

  test("writes in one round trip, whatever else there is", async () => {
    const client = openClient(server.url);
    const sent: string[] = [];
    const spy: RedisClient = {
      get: (key) => (sent.push("get"), client.get(key)),
      eval: (...args) => (sent.push("eval"), client.eval(...args)),
      scan: (...args) => client.scan(...args),
    };
    const store = createRedisStore(() => spy, `${newBase()}:`);
    const id = randomId();
    await store.write(id, toRecordOf({}), 0, day);
    await store.write(id, { ...toRecordOf({}), version: 2 }, 1, day);
    await store.write(id, { ...toRecordOf({}), version: 3 }, 1, day);
    await store.write(id, undefined, 2, day);
    expect(sent).toEqual(["eval", "eval", "eval", "eval"]);
  });

  test("takes numbers that come as digits", async () => {
    const base = newBase();
    const storage = openStorage({ base, stringNumbers: true });
    onTestFinished(() => storage.dispose());
    const id = randomId();
    expect(await openStore(storage).write(id, toRecordOf({}), 0, day)).toBe(true);
    expect(await openStore(storage).write(id, toRecordOf({}), 0, day)).toBe(false);
  });

  test("names each of more sessions than one scan returns", async () => {
    const base = newBase();
    const storage = openStorage({ base });
    onTestFinished(() => storage.dispose());
    const ids = Array.from({ length: 5_000 }, randomId).toSorted();
    await server.raw.mset(ids.flatMap((id) => [`${base}:prism-session:${id}`, "{}"]));
    expect([...new Set(await idsOf(openStore(storage)))]).toEqual(ids);
  });

  test("names the sessions of each of a cluster's nodes", async () => {
    const nodes = [1, 2].map((db) => openClient(server.url, { db }));
    const ids = nodes.map(() => randomId());
    await Promise.all(nodes.map((node, at) => node.set(`x:${ids[at]}`, "{}")));
    const store = createRedisStore(
      () => Object.assign(Object.create(server.raw) as Redis, { nodes: () => nodes }),
      "x:",
    );
    expect(await idsOf(store)).toEqual(ids.toSorted());
  });

  test("works in a cluster", async () => {
    const announced = ["--cluster-announce-ip", "127.0.0.1", "--cluster-port", String(await freePort())];
    const node = await startRedis(undefined, ["--cluster-enabled", "yes", ...announced]);
    onTestFinished(() => node.stop());
    const setUp = openClient(node.url);
    await setUp.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    await expect.poll(() => setUp.call("CLUSTER", "INFO"), { timeout: 20_000 }).toContain("cluster_state:ok");
    const driver = redis({ base: "app", cluster: [{ host: "127.0.0.1", port: node.port }] });
    const storage = createStorage({ driver });
    onTestFinished(() => storage.dispose());
    expect(driver.getInstance?.()).toBeInstanceOf(Cluster);
    const store = openStore(storage);
    const ids = Array.from({ length: 20 }, randomId).toSorted();
    await Promise.all(ids.flatMap((id) => [increment(store, id), increment(store, id)]));
    expect(await Promise.all(ids.map(async (id) => (await store.read(id))?.data["n"]))).toEqual(ids.map(() => 2));
    expect(await idsOf(store)).toEqual(ids);
  });
});
