import { headers, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createNatsBroker } from "../../src/broker/nats-broker.ts";
import { all, codeOf, linesOf, listen, past, until, upTo } from "../broker/stage.ts";
import { type NatsServer, startNats } from "../support/nats.ts";
import { NodeClock, openNode, type NatsNode } from "./nodes.ts";

const kept = { size: 1_000, ttl: 600_000 };
const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let server: NatsServer;
beforeAll(async () => void (server = await startNats()));
afterAll(() => server.stop());

let prefixes = 0;
const newPrefix = (): string => `special${prefixes++}`;

async function open(prefix: string, on = server, lease = 2_000): Promise<NatsNode> {
  const node = await openNode(on.port, { prefix, lease, patience: 1_500, queue: 2_000 });
  onTestFinished(() => node.close());
  return node;
}

/** What JetStream says of a stream. */
async function infoOf(
  connection: NatsConnection,
  stream: string,
): Promise<{ messages: number; consumer_count: number }> {
  const answer = await connection.request(`$JS.API.STREAM.INFO.${stream}`);
  return answer.json<{ state: { messages: number; consumer_count: number } }>().state;
}

describe("a channel's past in NATS", () => {
  test("is found by its offsets among those of other channels", { timeout: 30_000 }, async () => {
    const { broker } = await open(newPrefix());
    const rooms = ["a", "b", "c"];
    // Unevenly: the guess where an offset stands is mostly wrong.
    for (let n = 0; n < 300; n++) await broker.publish(rooms[n % 97 < 60 ? 0 : n % 2 ? 1 : 2]!, `${n}`, kept);
    for (const room of rooms) {
      const all = (await past(broker, room)).messages;
      for (let after = 0; after < all.length; after += 3) {
        for (const limit of [1, 2, 7]) {
          const page = await broker.read(room, { after, limit });
          expect(page.messages).toEqual(all.slice(after, after + limit));
        }
      }
    }
  });

  test("is read without leaving a consumer behind", async () => {
    const prefix = newPrefix();
    const { broker, connection } = await open(prefix);
    for (const n of upTo(20)) await broker.publish("a", `${n}`, kept);
    for (let n = 0; n < 5; n++) expect((await broker.read("a", { limit: 15 })).messages).toHaveLength(15);
    await expect.poll(() => infoOf(connection, `${prefix}_h_1000_600000`)).toMatchObject({ consumer_count: 0 });
  });

  test("keeps the retention that it had first, and its numbers, whatever nodes give it", async () => {
    const prefix = newPrefix();
    const [one, two] = [await open(prefix), await open(prefix)];
    await one.broker.publish("a", "1", { size: 2, ttl: 60_000 });
    expect(await two.broker.publish("a", "2", kept)).toHaveProperty("offset", 2);
    expect(await one.broker.publish("a", "3", kept)).toHaveProperty("offset", 3);
    expect((await past(two.broker, "a")).messages).toEqual(["2", "3"]);
  });

  test("begins with its epoch's name, which nobody hears as a message, and is forgotten in time", async () => {
    const prefix = newPrefix();
    const [one, two] = [await open(prefix), await open(prefix)];
    const short = { size: 10, ttl: 1_000 };
    const ear = await listen(two.broker, "a");
    await one.broker.read("a", { limit: 10 });
    const ask = async (node: NatsNode) => (await node.broker.read("a", { limit: 0, retention: short })).position;
    const state = (): Promise<{ messages: number }> => infoOf(one.connection, `${prefix}_h_10_1000`);
    const first = await ask(one);
    expect(await ask(two)).toEqual(first);
    expect(await state()).toMatchObject({ messages: 1 });
    await one.broker.publish("a", "x");
    await until(() => ear.deliveries.length > 0);
    expect(ear.deliveries).toEqual([{ body: "x", position: undefined }]);
    await expect.poll(state, { timeout: 5_000 }).toMatchObject({ messages: 0 });
    expect(await two.broker.read("a", { limit: 10 })).toMatchObject({ position: { offset: 0, epoch: "" } });
    const second = await ask(two);
    expect(second.epoch).not.toBe(first.epoch);
    // Whose answer is lost has named it all the same.
    one.way.loseNext();
    expect(await ask(one)).toEqual(second);
    one.way.loseNext();
    const { position } = await one.broker.read("b", { limit: 0, retention: short });
    expect(await two.broker.publish("b", "x", short)).toEqual({ offset: 1, epoch: position.epoch });
  });

  test("has another name where its first one is stored again, as it may be where an answer was lost", async () => {
    const prefix = newPrefix();
    const { broker, connection } = await open(prefix);
    const [stream, subject] = [`${prefix}_h_1000_600000`, `${prefix}.h.1000-600000.a`];
    const ask = async () => (await broker.read("a", { limit: 0, retention: kept })).position;
    const first = await ask();
    const found = await connection.request(
      `$JS.API.STREAM.MSG.GET.${stream}`,
      JSON.stringify({ last_by_subj: subject }),
    );
    const again = headers();
    again.set("Prism", /Prism: (.*)\r/.exec(atob(found.json<{ message: { hdrs: string } }>().message.hdrs))![1]!);
    await connection.request(`$JS.API.STREAM.PURGE.${stream}`);
    await connection.request(subject, "", { headers: again, timeout: 2_000 });
    const second = await ask();
    expect([second.offset, second.epoch === first.epoch]).toEqual([0, false]);
    expect(await broker.publish("a", "x", kept)).toEqual({ ...second, offset: 1 });
  });

  test("is stored once where the answer was lost", async () => {
    const { broker, way } = await open(newPrefix());
    const first = await broker.publish("a", "first", kept);
    for (const n of upTo(10)) {
      way.loseNext();
      expect(await broker.publish("a", `${n}`, kept)).toEqual({ offset: n + 1, epoch: first!.epoch });
    }
    expect((await past(broker, "a")).messages).toEqual(["first", ...upTo(10).map(String)]);
  });

  test("is rejected where it may have been stored and forgotten", async () => {
    const prefix = newPrefix();
    const [one, two] = [await open(prefix), await open(prefix)];
    const short = { size: 100, ttl: 1_000 };
    const ear = await listen(two.broker, "a");
    await one.broker.publish("a", "first", short);
    // It is stored; the answer is lost, and no other comes before its id is forgotten.
    one.way.loseNext(true);
    const asked = codeOf(() => one.broker.publish("a", "late", short));
    await until(() => ear.bodies.includes("late"));
    await pass(600);
    await two.broker.publish("a", "other", short);
    await pass(600);
    one.way.release();
    expect(await asked).toBe("unavailable");
    await pass(200);
    expect(ear.bodies.filter((body) => body === "late")).toHaveLength(1);
  });

  test("outlives the server, and so does who is there", { timeout: 30_000 }, async () => {
    const own = await startNats();
    onTestFinished(() => own.stop());
    const [one, two] = [await open("app", own), await open("app", own)];
    const ear = await listen(two.broker, "a");
    const first = await one.broker.publish("a", "1", kept);
    await one.broker.enter("a", "ada", "here");
    await own.kill();
    await own.restart();
    await until(() => ear.interruptions > 0);
    await expect.poll(() => codeOf(() => one.broker.publish("b", "x"))).toBeUndefined();
    expect(await two.broker.publish("a", "2", kept)).toEqual({ offset: 2, epoch: first!.epoch });
    expect((await past(one.broker, "a")).messages).toEqual(["1", "2"]);
    await expect
      .poll(async () => linesOf(await two.broker.roll("a"), [one.broker]), { timeout: 10_000 })
      .toEqual(["0 ada=here"]);
  });
});

describe("who is in a channel in NATS", () => {
  test("takes no more room than there are people", { timeout: 30_000 }, async () => {
    const prefix = newPrefix();
    const { broker, connection } = await open(prefix);
    await broker.enter("a", "stays", "");
    for (const n of upTo(30)) {
      await broker.enter("a", `key${n % 5}`, `${n}`);
      await broker.leave("a", `key${n % 5}`);
    }
    const state = (): Promise<unknown> => infoOf(connection, `${prefix}_rolls`);
    await expect.poll(state, { timeout: 15_000, interval: 200 }).toMatchObject({ messages: 2 });
    const entries = [{ node: broker.node, key: "stays", state: "" }];
    expect(await broker.roll("a")).toEqual({ entries, version: 61 });
    const ear = await listen(broker, "a");
    await broker.leave("a", "stays");
    await until(() => ear.changes.length > 0);
    expect(ear.changes[0]).toMatchObject({ key: "stays", version: 62 });
  });

  test("is not who was refused, though it may have been stored", { timeout: 30_000 }, async () => {
    const prefix = newPrefix();
    const [one, two] = [await open(prefix), await open(prefix)];
    await one.broker.enter("a", "stays", "");
    const ear = await listen(two.broker, "a");
    one.way.loseNext(true);
    expect(await codeOf(() => one.broker.enter("a", "ada", ""))).toBe("unavailable");
    expect(ear.changes.map(({ key }) => key)).toEqual(["ada"]);
    one.way.release();
    await expect
      .poll(async () => linesOf(await two.broker.roll("a"), [one.broker]), { timeout: 10_000 })
      .toEqual(["0 stays="]);
  });

  test("is taken out with a node that was held up, came back, and died", { timeout: 30_000 }, async () => {
    const prefix = newPrefix();
    const [one, two] = [await open(prefix), await open(prefix)];
    const ear = await listen(two.broker, "a");
    await one.broker.enter("a", "ada", "");
    one.clock.stop();
    one.way.hold();
    await until(() => ear.changes.some(({ state }) => state === undefined));
    one.way.release();
    one.clock.go();
    await until(() => ear.changes.length === 3);
    await pass(500);
    one.clock.stop();
    one.way.bar();
    await until(() => ear.changes.length === 4);
    expect((await two.broker.roll("a")).entries).toEqual([]);
  });

  test("is taken out once, though many find out at once that a node is dead", { timeout: 30_000 }, async () => {
    const prefix = newPrefix();
    const [dead, ...others] = [await open(prefix), await open(prefix), await open(prefix), await open(prefix)];
    const ears = await Promise.all(others.map(({ broker }) => listen(broker, "a")));
    await all(upTo(100).map((n) => dead.broker.enter("a", `key${n}`, "")));
    for (const ear of ears) await until(() => ear.versions.size === 100);
    for (const { clock } of others) clock.stop();
    dead.clock.stop();
    dead.way.bar();
    await pass(2_500);
    for (const { clock } of others) clock.go();
    for (const ear of ears) await until(() => ear.versions.size >= 200);
    await pass(500);
    for (const { versions } of ears) {
      const left = [...versions.values()].filter(({ state }) => state === undefined).map(({ key }) => key);
      expect(left.toSorted()).toEqual(
        upTo(100)
          .map((n) => `key${n}`)
          .toSorted(),
      );
    }
    expect((await others[0].broker.roll("a")).entries).toEqual([]);
  });

  test("has versions that never go back, also where nobody is remembered", async () => {
    const prefix = newPrefix();
    const { broker, connection } = await open(prefix);
    const ear = await listen(broker, "a");
    for (const n of upTo(3)) await broker.enter("a", "ada", `${n}`);
    await until(() => ear.changes.length === 3);
    await broker.close();
    await connection.request(`$JS.API.STREAM.PURGE.${prefix}_rolls`);
    const again = await open(prefix);
    const other = await listen(again.broker, "a");
    await again.broker.enter("a", "bob", "");
    await until(() => other.changes.length > 0);
    expect(other.changes[0]!.version).toBeGreaterThan(4);
  });
});

describe("the broker", () => {
  test("needs no JetStream for channels that keep nothing", async () => {
    const { port, stop } = await startNats("jetstream: disabled");
    onTestFinished(stop);
    const node = await openNode(port, { patience: 500 });
    onTestFinished(() => node.close());
    const ear = await listen(node.broker, "a");
    await node.broker.publish("a", "x");
    await until(() => ear.bodies.includes("x"));
    expect(await codeOf(() => node.broker.publish("a", "x", kept))).toBe("unavailable");
    expect(await codeOf(() => node.broker.read("a", { limit: 1 }))).toBe("unavailable");
  });

  test("takes what one turn publishes to a crowd, where nothing else is said", { timeout: 30_000 }, async () => {
    const node = await openNode(server.port, { prefix: newPrefix(), patience: 20_000 });
    onTestFinished(() => node.close());
    const ear = await listen(node.broker, "c7");
    const plain = upTo(5_000).map((n) => node.broker.publish(`c${n % 100}`, `${n}`));
    const stored = upTo(1_000).map((n) => node.broker.publish(`k${n % 100}`, `${n}`, kept));
    await all([...plain, ...stored]);
    await until(() => ear.deliveries.length === 50);
    await expect(all(upTo(16_385).map(() => node.broker.publish("a", "x")))).rejects.toThrow("16384 others wait");
  });

  test("refuses what the server would close the connection for", async () => {
    const { broker, connection } = await open(newPrefix());
    const large = "x".repeat(connection.info!.max_payload);
    expect(await codeOf(() => broker.publish("a", large))).toBe("too_large");
    expect(await codeOf(() => broker.publish("a", large, kept))).toBe("too_large");
    expect(await codeOf(() => broker.enter("a", "key", large))).toBe("too_large");
    expect((await broker.roll("a")).entries).toEqual([]);
  });

  test("leaves the connection open, and nothing on it", async () => {
    const prefix = newPrefix();
    const [one, two] = [await open(prefix), await open(prefix)];
    await listen(one.broker, "a");
    await one.broker.enter("a", "ada", "");
    await one.broker.close();
    expect(one.connection.isClosed()).toBe(false);
    const { inMsgs } = one.connection.stats();
    await two.broker.publish("a", "x");
    await one.connection.flush();
    expect(one.connection.stats().inMsgs).toBe(inMsgs);
  });

  test("says at once which option is none", async () => {
    const { connection } = await open(newPrefix());
    const make = (options: object) => createNatsBroker(connection, new NodeClock(), { headers, ...options });
    const wrong = [
      { prefix: "a.b" },
      { prefix: "" },
      { lease: 999 },
      { patience: 0 },
      { queue: 0.5 },
      { queueBytes: 0 },
      { replicas: 6 },
    ];
    for (const options of wrong) expect(() => make(options)).toThrow(TypeError);
  });
});
