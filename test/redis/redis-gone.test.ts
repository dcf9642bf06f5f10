import { createStorage, type Storage } from "unstorage";
import redis, { type RedisOptions } from "unstorage/drivers/redis";
import { describe, expect, onTestFinished, test } from "vitest";
import { openStore } from "../../src/session/open-store.ts";
import { createUnstorageStore } from "../../src/session/unstorage-store.ts";
import { randomId } from "../../src/wire/random-id.ts";
import { toRecordOf } from "../session/records.ts";
import { idsOf } from "../session/store.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { startLossyProxy } from "./clients.ts";

const day = 86_400_000;

describe("while Redis is gone", () => {
  /** Options with which ioredis gives a command up soon; by default it does so after twenty attempts to connect. */
  const impatient: RedisOptions = { maxRetriesPerRequest: 1, retryStrategy: () => 20 };

  async function setUp(options: RedisOptions): Promise<{ own: RedisServer; storage: Storage; id: string }> {
    const own = await startRedis();
    onTestFinished(() => own.stop());
    const driver = redis({ url: own.url, base: "app", ...options });
    driver.getInstance?.().on("error", () => {});
    const storage = createStorage({ driver });
    onTestFinished(() => storage.dispose());
    return { own, storage, id: randomId() };
  }

  test.each([openStore, createUnstorageStore])("all fails, and then goes on: %o", async (open) => {
    const { own, storage, id } = await setUp(impatient);
    const store = open(storage);
    await store.write(id, toRecordOf({}), 0, day);
    await own.stop();
    await expect(store.read(id)).rejects.toThrow();
    await expect(store.write(id, toRecordOf({}), 0, day)).rejects.toThrow();
    await expect(store.write(id, undefined, 0, day)).rejects.toThrow();
    await expect(idsOf(store)).rejects.toThrow();

    const again = await startRedis(own.port);
    onTestFinished(() => again.stop());
    await expect.poll(() => store.read(id).catch(() => "gone"), { timeout: 10_000 }).toBeUndefined();
    expect(await store.write(id, toRecordOf({}), 0, day)).toBe(true);
  });

  test("a halted Redis is waited for as long as the client says", async () => {
    const { own, storage, id } = await setUp({ commandTimeout: 200 });
    const store = openStore(storage);
    await store.write(id, toRecordOf({}), 0, day);
    own.pause();
    await expect(store.read(id)).rejects.toThrow("Command timed out");
    // Given up by the client, and yet done once Redis goes on: who is told of a failure cannot know.
    await expect(store.write(id, { ...toRecordOf({}), version: 2 }, 1, day)).rejects.toThrow("Command timed out");
    own.resume();
    expect(await store.read(id)).toEqual({ ...toRecordOf({}), version: 2 });
  });

  test("a write whose answer was lost is sent again, and meets itself", async () => {
    const own = await startRedis();
    onTestFinished(() => own.stop());
    const proxy = await startLossyProxy(own.port);
    const storage = createStorage({ driver: redis({ host: "127.0.0.1", port: proxy.port }) });
    onTestFinished(() => storage.dispose());

    const store = openStore(storage);
    const id = randomId();
    await store.write(id, toRecordOf({}), 0, day);
    proxy.loseNext();
    expect(await store.write(id, { ...toRecordOf({}), version: 2 }, 1, day)).toBe(false);
    expect(await store.read(id)).toEqual({ ...toRecordOf({}), version: 2 });
  });
});
