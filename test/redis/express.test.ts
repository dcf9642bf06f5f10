import { createStorage } from "unstorage";
import redis from "unstorage/drivers/redis";
import { expect, onTestFinished, test } from "vitest";
import { Browser, createStage, latch, seen, type StageOptions } from "../session/express-stage.ts";
import { startRedis } from "../support/redis.ts";
import { useRedis } from "./clients.ts";

const server = useRedis();

let bases = 0;

/** Two servers, each with Express, Prism, and a client of its own to the same Redis. */
async function createPair(options: StageOptions = {}) {
  const base = `app${bases++}`;
  const open = (more: StageOptions = {}) => {
    const storage = createStorage({ driver: redis({ url: server.url, base, maxRetriesPerRequest: 1 }) });
    onTestFinished(() => storage.dispose());
    return createStage({ ...options, storage, ...more });
  };
  return { base, open, one: await open(), two: await open() };
}

test("two servers share a login, whichever of them and of Express and Prism has made it", async () => {
  const { base, one, two } = await createPair();
  const ada = new Browser();
  const { id } = await ada.fetch(one, "/login", { user: "ada" });
  expect(await ada.fetch(two, "/look")).toEqual({ status: 200, id, data: { user: "ada" } });
  const page = ada.connect(two);
  expect(await page.look()).toEqual({ id, data: { user: "ada" } });
  await page.save({ basket: 3 });
  expect((await ada.fetch(one, "/look")).data).toEqual({ user: "ada", basket: 3 });
  expect(await ada.connect(one).look()).toEqual({ id, data: { user: "ada", basket: 3 } });
  expect(ada.set.length).toBe(1);

  // All of it is in Redis, in one record, and goes away by itself.
  expect(await server.raw.keys(`${base}:*`)).toEqual([`${base}:prism-session:${id}`]);
  const record = JSON.parse((await server.raw.get(`${base}:prism-session:${id}`)) ?? "") as Record<string, unknown>;
  expect(record).toMatchObject({ data: { user: "ada", basket: 3 }, cookie: { path: "/", httpOnly: true } });
  expect(await server.raw.pttl(`${base}:prism-session:${id}`)).toBeGreaterThan(0);
});

test("a login survives a restart of both, and a new secret", async () => {
  const { open, one } = await createPair();
  const ada = new Browser();
  const { id } = await ada.fetch(one, "/login", { user: "ada" });
  const next = "a new secret that is long enough to be one";
  const again = await open({ secret: [next, "a secret that is long enough to be one"] });
  expect(await ada.fetch(again, "/look")).toEqual({ status: 200, id, data: { user: "ada" } });
  await ada.fetch(again, "/save", { more: 1 }); // Signs the cookie anew.
  const later = await open({ secret: next });
  expect(await ada.fetch(later, "/look")).toEqual({ status: 200, id, data: { user: "ada", more: 1 } });
});

test("requests to both at once keep each other's keys, and one of two that change the same fails", async () => {
  const [begun, gate] = [latch(), latch()];
  const { one, two } = await createPair({
    route: (web) => {
      web.post("/slow", (request, response) => {
        Object.assign(request.session, request.body);
        begun.open();
        void gate.opened.then(() => response.json(seen(request)));
      });
    },
  });
  const ada = new Browser();
  await ada.fetch(one, "/save", { user: "ada" });
  const slow = ada.fetch(one, "/slow", { mine: 1 });
  await begun.opened;
  await ada.fetch(two, "/save", { theirs: 1 });
  gate.open();
  await slow;
  expect((await ada.fetch(two, "/look")).data).toEqual({ user: "ada", mine: 1, theirs: 1 });

  // Many at a time, on both: all keys are there.
  const keys = Array.from({ length: 20 }, (_, n) => `key${n}`);
  await Promise.all(keys.map((key, n) => ada.fetch(n % 2 ? one : two, "/save", { [key]: n })));
  expect(Object.keys((await ada.fetch(one, "/look")).data).length).toBe(23);
  expect([...one.errors, ...two.errors]).toEqual([]);
});

test("an id that is dead on one is dead on the other", async () => {
  const { one, two } = await createPair();
  const ada = new Browser();
  await ada.fetch(one, "/login", { user: "ada" });
  const stolen = new Browser();
  stolen.take([`${ada.header}; Path=/`]);
  expect((await stolen.fetch(two, "/look")).data).toEqual({ user: "ada" });
  await ada.fetch(one, "/login", { user: "ada", again: true });
  expect((await stolen.fetch(two, "/look")).data).toEqual({});
  stolen.take([`${ada.header}; Path=/`]);
  expect((await stolen.fetch(two, "/look")).data).toEqual({ user: "ada", again: true });
  await ada.fetch(two, "/logout", {});
  expect((await stolen.fetch(one, "/look")).data).toEqual({});
});

test("without Redis, requests fail in time, and go on when it is back", async () => {
  const own = await startRedis();
  onTestFinished(() => own.stop());
  const driver = redis({ url: own.url, base: "app" });
  const storage = createStorage({ driver });
  onTestFinished(() => storage.dispose());
  const stage = await createStage({ storage, timeout: 200 });
  const ada = new Browser();
  await ada.fetch(stage, "/login", { user: "ada" });
  own.pause();
  const started = performance.now();
  expect(await ada.fetch(stage, "/look")).toEqual({ status: 500, code: "unavailable" });
  expect(performance.now() - started).toBeLessThan(1_000);
  expect((await new Browser().fetch(stage, "/look")).status).toBe(200); // Who has no cookie needs no store.
  own.resume();
  await expect.poll(async () => (await ada.fetch(stage, "/look")).data, { timeout: 5_000 }).toEqual({ user: "ada" });
});
