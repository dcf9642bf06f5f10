import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStorage, type Driver, prefixStorage, type Storage } from "unstorage";
import fs from "unstorage/drivers/fs";
import lru from "unstorage/drivers/lru-cache";
import memory from "unstorage/drivers/memory";
import { describe, expect, test } from "vitest";
import { openStore } from "../../src/session/open-store.ts";
import type { SessionStore } from "../../src/session/session-store.ts";
import { createUnstorageStore } from "../../src/session/unstorage-store.ts";
import { randomId } from "../../src/wire/random-id.ts";
import { toRecordOf } from "./records.ts";
import { describeStore, idsOf, type StoreStage } from "./store.ts";

function stageOf(storage: Storage): StoreStage {
  const store = openStore(storage);
  return { store, other: store, storage, close: () => storage.dispose() };
}

describeStore("in memory", { atomic: false, expires: false, shared: false }, async () => stageOf(createStorage()));

describeStore("in a cache", { atomic: false, expires: false, shared: false }, async () =>
  stageOf(createStorage({ driver: lru({}) })),
);

describeStore("in a corner of a storage", { atomic: false, expires: false, shared: false }, async () =>
  stageOf(prefixStorage(createStorage(), "corner")),
);

describeStore("in files", { atomic: false, expires: false, shared: true }, async () => {
  const base = await mkdtemp(join(tmpdir(), "prism-store-"));
  const stage = stageOf(createStorage({ driver: fs({ base }) }));
  const close = async (): Promise<void> => {
    await stage.close();
    await rm(base, { recursive: true });
  };
  return { ...stage, close };
});

/** A driver of the given name, beneath which what `setItem` gets can be seen. */
function spyDriver(over: Partial<Driver> = {}): { driver: Driver; written: unknown[][] } {
  const written: unknown[][] = [];
  const inner = memory();
  const driver: Driver = {
    ...inner,
    setItem: (key, value, options) => {
      written.push([key, value, options]);
      return inner.setItem?.(key, value, options);
    },
    ...over,
  };
  return { driver, written };
}

const storeOf = (driver: Driver): SessionStore => openStore(createStorage({ driver }));

describe("over unstorage", () => {
  test("the time to live goes to the driver in whole seconds, never none", async () => {
    const { driver, written } = spyDriver();
    const store = storeOf(driver);
    const id = randomId();
    const text = '{"version":1,"created":1000.5,"seen":2000,"data":{}}';
    for (const ttl of [1, 1000, 1001, 0, -5]) {
      await store.write(id, toRecordOf({}), 0, ttl);
      await store.write(id, undefined, 1, ttl);
    }
    expect(written).toEqual([1, 1, 2, 1, 1].map((ttl) => [`prism-session:${id}`, text, { ttl }]));
  });

  test.each([
    ["memory", {}, false, false],
    ["lru-cache", {}, false, false],
    ["fs", {}, false, true],
    ["http", {}, false, true],
    ["upstash", {}, true, true],
    ["vercel-kv", {}, true, true],
    ["cloudflare-kv-binding", {}, true, true],
    ["cloudflare-kv-http", {}, true, true],
    ["deno-kv", {}, true, true],
    ["a new one that says so", { ttl: true }, true, true],
    ["toString", {}, false, true],
  ])("the driver %s %j: expires %j, shared %j", (name, flags, expires, shared) => {
    expect(storeOf(spyDriver({ name, flags }).driver)).toMatchObject({ atomic: false, expires, shared });
  });

  test("a driver without a name may be anything", () => {
    const { name: _, ...driver } = spyDriver().driver;
    expect(storeOf(driver)).toMatchObject({ expires: false, shared: true });
  });

  test("it is the mount of the sessions that counts", () => {
    const storage = createStorage({ driver: spyDriver({ name: "fs" }).driver });
    storage.mount("prism-session", spyDriver({ name: "upstash" }).driver);
    storage.mount("prism", memory());
    expect(openStore(storage)).toMatchObject({ expires: true, shared: true });
  });

  test("a corner is what all the storage's drivers are, and records stay in it", async () => {
    const storage = createStorage({ driver: memory() });
    storage.mount("far", spyDriver({ name: "upstash" }).driver);
    const store = openStore(prefixStorage(storage, "far:app"));
    expect(store).toMatchObject({ expires: false, shared: true });
    const id = randomId();
    await store.write(id, toRecordOf({}), 0, 1000);
    expect(await storage.getKeys()).toEqual([`far:app:prism-session:${id}`]);
    expect(await idsOf(store)).toEqual([id]);
  });

  test("a driver that only reads is refused", () => {
    const { setItem: _, ...driver } = spyDriver({ name: "github" }).driver;
    const message = /^Cannot keep sessions with the driver "\w+", which only reads$/;
    expect(() => storeOf(driver)).toThrow(message);
    expect(() => storeOf(fs({ base: "nowhere", readOnly: true }))).toThrow(message);
  });

  test("a living object that somebody put into memory is not handed out", async () => {
    const storage = createStorage();
    const store = openStore(storage);
    const id = randomId();
    await storage.setItemRaw(`prism-session:${id}`, toRecordOf({}));
    expect(await store.read(id)).toBeUndefined();
    expect(await store.write(id, toRecordOf({ n: 1 }), 0, 1000)).toBe(true);
    expect(await store.read(id)).toEqual(toRecordOf({ n: 1 }));
  });

  test("a read never sees a write that is half done", async () => {
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const values = new Map<string, string>();
    const driver: Driver = {
      ...spyDriver({ name: "files" }).driver,
      getItem: (key) => values.get(key) ?? null,
      setItem: async (key, value) => {
        values.set(key, "");
        await turn();
        values.set(key, value);
      },
    };
    const store = storeOf(driver);
    const id = randomId();
    await store.write(id, toRecordOf({}), 0, 1000);
    const writing = store.write(id, { ...toRecordOf({}), version: 2 }, 1, 1000);
    const seen: unknown[] = [];
    for (let n = 0; n < 5; n++) {
      seen.push((await store.read(id))?.version);
      await turn();
    }
    expect(seen).toEqual([2, 2, 2, 2, 2]);
    expect(await writing).toBe(true);
  });

  test("a storage that fails is told of, and keeps nobody waiting", async () => {
    let failing: string | undefined;
    const fail = (what: string): void => {
      if (failing === what) throw new Error(`No ${what}`);
    };
    const inner = memory();
    const driver: Driver = {
      ...inner,
      name: "failing",
      getItem: (key) => (fail("get"), inner.getItem(key)),
      setItem: (key, value, options) => (fail("set"), inner.setItem?.(key, value, options)),
      removeItem: (key, options) => (fail("remove"), inner.removeItem?.(key, options)),
      getKeys: (base, options) => (fail("keys"), inner.getKeys(base, options)),
    };
    const store = storeOf(driver);
    const id = randomId();
    failing = "get";
    await expect(store.read(id)).rejects.toThrow("No get");
    await expect(store.write(id, toRecordOf({}), 0, 1000)).rejects.toThrow("No get");
    failing = "set";
    await expect(store.write(id, toRecordOf({}), 0, 1000)).rejects.toThrow("No set");
    failing = "keys";
    await expect(idsOf(store)).rejects.toThrow("No keys");
    failing = "remove";
    expect(await store.write(id, toRecordOf({}), 0, 1000)).toBe(true);
    await expect(store.write(id, undefined, 1, 1000)).rejects.toThrow("No remove");
    failing = undefined;
    expect(await store.write(id, undefined, 1, 1000)).toBe(true);
  });
});

describe("openStore", () => {
  test("takes a store of one's own as it is", () => {
    const own = createUnstorageStore(createStorage());
    expect(openStore(own)).toBe(own);
  });

  test("takes any object with a storage's methods", async () => {
    const values = new Map<string, unknown>();
    const store = openStore({
      getItem: async (key) => (values.has(key) ? (JSON.parse(String(values.get(key))) as unknown) : null),
      setItem: async (key, value) => void values.set(key, value),
      removeItem: async (key) => void values.delete(key),
      getKeys: async () => [...values.keys()],
    });
    expect(store).toMatchObject({ atomic: false, expires: false, shared: true });
    const id = randomId();
    expect(await store.write(id, toRecordOf({}), 0, 1000)).toBe(true);
    expect(await store.read(id)).toEqual(toRecordOf({}));
    expect(await idsOf(store)).toEqual([id]);
  });

  test("refuses anything else", () => {
    expect(() => openStore(new Map() as never)).toThrow(
      "Cannot keep sessions in what is neither an unstorage Storage nor a SessionStore",
    );
  });
});
