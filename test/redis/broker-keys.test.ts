import { Redis } from "ioredis";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { createRedisBroker, type RedisClient } from "../../src/broker/redis-broker.ts";
import { serverClock } from "../../src/server/clock.ts";
import { all, codeOf, Ear, listen, until, upTo } from "../broker/stage.ts";
import { openClient, useRedis } from "./clients.ts";
import { settings, startNode } from "./nodes.ts";

const server = useRedis();
const retention = { size: 2, ttl: 60_000 };

function open(prefix: string, options = {}) {
  const node = startNode(openClient(server.url, options), { prefix });
  onTestFinished(() => node.broker.close());
  return node.broker;
}

async function keys(pattern: string): Promise<string[]> {
  return (await server.raw.keys(pattern)).toSorted();
}

describe("in Redis", () => {
  test("all keys of a channel are in one slot, with nothing that Redis would read into its name", async () => {
    const broker = open("keys");
    await broker.publish("a/{b}*%", "x", retention);
    await broker.enter("a/{b}*%", "ada", "");
    const found = await keys("keys:{*");
    const name = "keys:{a/%7bb%7d%2a%25}";
    const wanted = ["meta", `recent:${broker.node}`, "roll", "stream", "version"].map((what) => `${name}:${what}`);
    expect(found).toEqual(wanted);
  });

  test("all that was of use for a while goes by itself", async () => {
    const broker = open("gone");
    await broker.publish("a", "x", retention);
    const lives = await Promise.all((await keys("gone:{a}:*")).map((key) => server.raw.pttl(key)));
    for (const ms of lives) expect(ms).toSatisfy((left: number) => left > 0 && left <= 86_400_000 + retention.ttl);
    expect(await server.raw.pttl("gone:{a}:stream")).toBeLessThanOrEqual(retention.ttl);
    await broker.enter("a", "ada", "");
    expect(await server.raw.pttl("gone:{a}:version")).toBe(-1);
    await broker.leave("a", "ada");
    expect(await server.raw.pttl("gone:{a}:version")).toBeGreaterThan(0);
    expect(await keys("gone:{a}:roll")).toEqual([]);
  });

  test("the name of an epoch goes by itself, with what nobody publishes to, and is there for who goes on to listen", async () => {
    const broker = open("named");
    await broker.read("a", { limit: 10 });
    expect(await keys("named:*")).toEqual([]);
    const ask = async () => (await broker.read("a", { limit: 0, retention })).position;
    const first = await ask();
    const meta = "named:{a}:meta";
    expect(await keys("named:*")).toEqual([meta]);
    const left = () => server.raw.pttl(meta);
    const day = 86_400_000;
    expect(await left()).toSatisfy((ms: number) => ms > day - 60_000 && ms <= day);
    // Whoever asks again has it stay.
    await server.raw.pexpire(meta, day / 2 - 60_000);
    await broker.read("a", { limit: 10 });
    expect(await left()).toBeLessThan(day / 2);
    expect(await ask()).toEqual(first);
    expect(await left()).toBeGreaterThan(day - 60_000);
    // Messages have it stay for as long as they are there, and more.
    await server.raw.pexpire(meta, 1_000);
    expect(await broker.publish("a", "x", retention)).toEqual({ ...first, offset: 1 });
    expect(await left()).toBeGreaterThan(day);
    await broker.publish("a", "y", retention);
    await server.raw.del(meta);
    const second = await ask();
    expect([second.offset, second.epoch === first.epoch]).toEqual([0, false]);
    expect(await broker.read("a", { limit: 10 })).toMatchObject({ messages: [], position: second });
    // Nothing is left of what was forgotten.
    expect(await broker.publish("a", "z", retention)).toEqual({ ...second, offset: 1 });
    expect(await broker.read("a", { limit: 10 })).toMatchObject({ messages: ["z"], to: 1 });
  });

  test("a node that is closed leaves nothing of its own", async () => {
    const { broker } = startNode(openClient(server.url), { prefix: "closed" });
    for (const room of ["a", "b"]) for (const key of ["ada", "bob"]) await broker.enter(room, key, "");
    expect(await keys("closed:*")).toHaveLength(6);
    await broker.close();
    expect(await keys("closed:*")).toEqual(["closed:{a}:version", "closed:{b}:version"]);
  });

  test("a node that slept for longer than its lease, with its sockets open, tells again what others have taken out", async () => {
    const [one, two] = [1, 2].map(() => startNode(openClient(server.url), { prefix: "slept" }));
    onTestFinished(async () => void (await Promise.all([one!.broker.close(), two!.broker.close()])));
    const ear = await listen(two!.broker, "a");
    await one!.broker.enter("a", "ada", "here");
    one!.clock.hold();
    await until(() => ear.changes.some(({ state }) => state === undefined));
    one!.clock.release();
    await until(() => ear.changes.length === 3);
    expect(ear.changes[2]).toMatchObject({ node: one!.broker.node, key: "ada", state: "here" });
    // And they stay, whatever is still to be done about the life that is over.
    await new Promise((resolve) => setTimeout(resolve, settings.lease * 2.5));
    expect((await two!.broker.roll("a")).entries).toHaveLength(1);
    expect(ear.changes).toHaveLength(3);
  });

  test("a channel that nobody listens to any more is not subscribed", async () => {
    const broker = open("subscribed");
    const channel = "subscribed:{a}";
    const count = async () => Number((await server.raw.pubsub("NUMSUB", channel))[1]);
    const [one, two] = [await listen(broker, "a"), await listen(broker, "a")];
    expect(await count()).toBe(1);
    one.off();
    await broker.roll("a");
    expect(await count()).toBe(1);
    two.off();
    await expect.poll(count).toBe(0);
  });

  test("what is remembered of a node's own publishes stays small", async () => {
    const broker = open("small");
    for (let n = 0; n < 300; n++) await broker.publish("a", "x", retention);
    expect(await server.raw.hlen(`small:{a}:recent:${broker.node}`)).toBeLessThan(80);
    expect(await server.raw.xlen("small:{a}:stream")).toBe(2);
  });

  test("what one turn publishes to a crowd is taken, where nothing else is said", async () => {
    const broker = createRedisBroker(openClient(server.url), serverClock, { prefix: "burst", patience: 30_000 });
    onTestFinished(() => broker.close());
    const ear = await listen(broker, "c7");
    const plain = upTo(2_000).map((n) => broker.publish(`c${n % 100}`, `${n}`));
    const stored = upTo(3_000).map((n) => broker.publish("kept", `${n}`, retention));
    await all(plain);
    expect((await all(stored)).map((position) => position!.offset)).toEqual(upTo(3_000));
    await until(() => ear.deliveries.length === 20);
    await expect(all(upTo(16_385).map(() => broker.roll("a")))).rejects.toThrow("16384 others wait");
  });

  test("prefixes keep apps apart, the client's own as well", async () => {
    const [plain, other, mine, again] = [
      open("app"),
      open("app2"),
      open("app", { keyPrefix: "mine:" }),
      open("app", { keyPrefix: "mine:" }),
    ];
    const ears = await Promise.all([plain, other, mine, again].map((broker) => listen(broker, "a")));
    await mine.publish("a", "plain");
    await mine.publish("a", "kept", retention);
    await mine.enter("a", "ada", "");
    for (const ear of ears.slice(2)) await until(() => ear.deliveries.length === 2 && ear.changes.length === 1);
    await plain.publish("a", "end");
    await until(() => ears[0]!.deliveries.length > 0);
    expect(ears.map(({ bodies }) => bodies)).toEqual([["end"], [], ["plain", "kept"], ["plain", "kept"]]);
    expect((await keys("mine:app:{a}:*")).length).toBe(5);
    expect(await again.read("a", { limit: 10 })).toMatchObject({ messages: ["kept"] });
    expect((await plain.roll("a")).entries).toEqual([]);
  });

  test("a script that Redis has forgotten is sent again", async () => {
    const broker = open("forgotten");
    for (let round = 1; round <= 3; round++) {
      expect(await broker.publish("a", "x", retention)).toHaveProperty("offset", round);
      await server.raw.script("FLUSH");
    }
  });

  test("what others publish there is not heard", async () => {
    const broker = open("others");
    const ear = await listen(broker, "a");
    for (const odd of ["", "x", "c1", "cx {", "k", "k1", "c1 []", Buffer.of(0x74, 0xff)]) {
      await server.raw.publish("others:{a}", odd);
    }
    await broker.publish("a", "end");
    await until(() => ear.bodies.includes("end"));
    expect(ear.bodies.filter((body) => typeof body === "string")).toEqual(["end"]);
  });

  test("what Redis refuses is told as Redis tells it, and at once", async () => {
    const broker = open("refused");
    await server.raw.set("refused:{a}:meta", "text");
    await expect(broker.publish("a", "x", retention)).rejects.toThrow("WRONGTYPE");
  });

  test("a client that never connects is waited for, and no error of its is swallowed", async () => {
    const client = new Redis(1, "127.0.0.1", { retryStrategy: () => 50 });
    const errors: unknown[] = [];
    expect(client.listenerCount("error")).toBe(0);
    const broker = createRedisBroker(client, serverClock, { ...settings, patience: 300 });
    expect(client.listenerCount("error")).toBe(0);
    client.on("error", (error) => errors.push(error));
    onTestFinished(() => client.disconnect());
    const asked = [broker.publish("a", "x"), broker.subscribe("a", new Ear()), broker.roll("a")];
    for (const one of asked) expect(await codeOf(() => one)).toBe("unavailable");
    expect(errors.length).toBeGreaterThan(0);
    await broker.close();
    expect(client.listenerCount("ready")).toBe(0);
  });

  test("a broker does not keep a process alive", async () => {
    const file = fileURLToPath(new URL("./fixtures/idle.ts", import.meta.url));
    const child = spawn(process.execPath, ["--import", "tsx", file, server.url], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.on("data", (data) => (said += String(data)));
    const code = await new Promise((resolve) => child.once("exit", resolve));
    expect([said.trim(), code]).toEqual(["subscribed", 0]);
  });

  test("options and clients that make no sense are refused", () => {
    const client = openClient(server.url);
    for (const bad of [{ lease: 0 }, { patience: NaN }, { queue: -1 }, { queueBytes: 0 }, { lease: 2 ** 31 }]) {
      expect(() => createRedisBroker(client, serverClock, bad)).toThrow(RangeError);
    }
    for (const bad of [undefined, null, {}, { publish() {} }]) {
      expect(() => createRedisBroker(bad as unknown as RedisClient, serverClock, {})).toThrow(
        "The client is none of ioredis",
      );
    }
    expect([] as Redis[] satisfies RedisClient[]).toEqual([]);
  });
});
