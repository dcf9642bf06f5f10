import { Cluster, Redis } from "ioredis";
import { createStorage } from "unstorage";
import redis, { type RedisOptions } from "unstorage/drivers/redis";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Handover } from "../../src/handover/handover.ts";
import { openHandover } from "../../src/handover/open-handover.ts";
import { createRedisHandover, type RedisHandoverClient } from "../../src/handover/redis-handover.ts";
import { describeHandover, type HandoverStage } from "../handover/contract.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { freePort } from "../support/ports.ts";
import { startRedis } from "../support/redis.ts";
import { openClient, startLossyProxy, useRedis } from "./clients.ts";

const minute = 60_000;
const server = useRedis();
const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let bases = 0;
const newBase = (): string => `app${bases++}`;

/** What an app makes of a storage, with a client of its own. */
function open(options: RedisOptions, mount = ""): Handover {
  const driver = redis({ url: server.url, ...options });
  driver.getInstance?.().on("error", () => {});
  const storage = createStorage(mount === "" ? { driver } : {});
  if (mount !== "") storage.mount(mount, driver);
  onTestFinished(() => storage.dispose());
  return openHandover(storage, new FakeClock());
}

describeHandover("in Redis", async () => {
  const base = newBase();
  const isEmpty = async (): Promise<boolean> => (await server.raw.keys(`${base}:*`)).length === 0;
  return { handover: open({ base }), other: open({ base }), pass, isEmpty };
});

describeHandover("in a Redis without GETDEL", async (): Promise<HandoverStage> => {
  const own = await startRedis(undefined, ["--rename-command", "GETDEL", ""]);
  onTestFinished(() => own.stop());
  const [one, two] = [openClient(own.url), openClient(own.url)];
  await expect(one.getdel("a")).rejects.toThrow("unknown command");
  const [handover, other] = [one, two].map((client) => createRedisHandover(() => client, "app:"));
  return { handover: handover!, other: other!, pass, isEmpty: async () => (await one.dbsize()) === 0 };
});

describe("in Redis", () => {
  test.each<[what: string, options: RedisOptions, mount: string, key: string]>([
    ["no base", {}, "", "prism-handover:a:b"],
    ["a base", { base: "one" }, "", "one:prism-handover:a:b"],
    ["a base in a base", { base: "/two/of\\three:" }, "", "two:of:three:prism-handover:a:b"],
    ["a mount", { base: "four" }, "prism-handover", "four:a:b"],
    ["a client's own prefix", { base: "five", keyPrefix: "client:" }, "", "client:five:prism-handover:a:b"],
  ])("the key is where the storage keeps it, with %s", async (_, options, mount, key) => {
    await server.raw.flushall();
    const handover = open(options, mount);
    await handover.park("a:b", "x", minute);
    expect(await server.raw.keys("*")).toEqual([key]);
    expect(await server.raw.pttl(key)).toSatisfy((ms: number) => ms > minute - 10_000 && ms <= minute);
    expect(await handover.take("a:b")).toBe("x");
    expect(await server.raw.keys("*")).toEqual([]);
  });

  test("a key that is no string fails", async () => {
    const base = newBase();
    await server.raw.rpush(`${base}:prism-handover:a`, "x");
    await expect(open({ base }).take("a")).rejects.toThrow("WRONGTYPE");
  });

  test("it works in a cluster", async () => {
    const announced = ["--cluster-announce-ip", "127.0.0.1", "--cluster-port", String(await freePort())];
    const node = await startRedis(undefined, ["--cluster-enabled", "yes", ...announced]);
    onTestFinished(() => node.stop());
    const setUp = openClient(node.url);
    await setUp.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    await expect.poll(() => setUp.call("CLUSTER", "INFO"), { timeout: 20_000 }).toContain("cluster_state:ok");
    const cluster = [{ host: "127.0.0.1", port: node.port }];
    const [one, two] = [open({ base: "app", cluster }), open({ base: "app", cluster })];
    const keys = Array.from({ length: 50 }, (_, at) => `key${at}`);
    await Promise.all(keys.map((key) => one.park(key, key, minute)));
    const all = await Promise.all(keys.flatMap((key) => [one.take(key), two.take(key)]));
    expect(all.filter((text) => text !== undefined)).toEqual(keys);
  });

  test("ioredis' clients fit", () => {
    const clients = [] as (Redis | Cluster)[];
    expect(clients satisfies RedisHandoverClient[]).toEqual([]);
  });
});

describe("while Redis is gone", () => {
  test("all fails, and then goes on", async () => {
    const own = await startRedis();
    onTestFinished(() => own.stop());
    const handover = open({ url: own.url, maxRetriesPerRequest: 1, retryStrategy: () => 20 });
    await handover.park("a", "x", minute);
    await own.stop();
    await expect(handover.park("a", "x", minute)).rejects.toThrow();
    await expect(handover.take("a")).rejects.toThrow();

    const again = await startRedis(own.port);
    onTestFinished(() => again.stop());
    await expect.poll(() => handover.take("a").catch(() => "gone"), { timeout: 10_000 }).toBeUndefined();
    await handover.park("a", "y", minute);
    expect(await handover.take("a")).toBe("y");
  });

  test("a halted Redis is waited for as long as the client says", async () => {
    const own = await startRedis();
    onTestFinished(() => own.stop());
    const handover = open({ url: own.url, commandTimeout: 200 });
    await handover.park("a", "x", minute);
    own.pause();
    await expect(handover.park("b", "y", minute)).rejects.toThrow("Command timed out");
    await expect(handover.take("a")).rejects.toThrow("Command timed out");
    own.resume();
    // Given up by the client, and yet done once Redis goes on.
    expect([await handover.take("b"), await handover.take("a")]).toEqual(["y", undefined]);
  });

  test("a take whose answer was lost is sent again, and finds nothing: nobody has the text twice", async () => {
    const own = await startRedis();
    onTestFinished(() => own.stop());
    const proxy = await startLossyProxy(own.port);
    const handover = open({ url: `redis://127.0.0.1:${proxy.port}` });
    await handover.park("a", "x", minute);
    proxy.loseNext();
    expect(await handover.take("a")).toBeUndefined();
    // A parking is merely done twice.
    proxy.loseNext();
    await handover.park("a", "y", minute);
    expect(await handover.take("a")).toBe("y");
  });
});
