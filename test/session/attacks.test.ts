import { describe, expect, test } from "vitest";
import { prism } from "../../mod.ts";
import type { KeyValueStorage } from "../../src/session/key-value-storage.ts";
import type { LiveSession } from "../../src/session/live-session.ts";
import type { RequestSession } from "../../src/session/request-session.ts";
import { createUnstorageStore } from "../../src/session/unstorage-store.ts";
import { randomId } from "../../src/wire/random-id.ts";
import { FakeServerClock } from "../server/raw.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { toRecordOf } from "./records.ts";
import { aliveIds, createServer, expectLive, FaultyStore, Holder, look } from "./servers.ts";

const code = (code: string): unknown => expect.objectContaining({ name: "PrismError", code });

/** Two servers that hear of each other through the store alone. */
function setUp() {
  const clock = new FakeClock();
  const store = new FaultyStore();
  const [a, b] = [createServer(store, clock), createServer(store, clock)];
  const holder = new Holder();

  async function begin(data: object = { n: 1 }): Promise<LiveSession> {
    const live = a.sessions.begin(holder);
    Object.assign(live.data, data);
    await a.sessions.save(live);
    return live;
  }

  async function share(data?: object) {
    const mine = await begin(data);
    const other = new Holder();
    return { mine, other, theirs: expectLive(await b.sessions.open(mine.id, other)) };
  }
  return { clock, store, a, b, holder, begin, share, seen: (id: string) => look(store, clock, id) };
}

/** A storage whose next writing, or reading, takes place when the test says so. */
class LateStorage implements KeyValueStorage {
  readonly items = new Map<string, string>();
  late: "write" | "remove" | "read" | undefined;
  #land = (): void => {};

  /** Does what is late. */
  async land(): Promise<void> {
    this.#land();
    await new Promise((resolve) => setImmediate(resolve));
  }

  async getItem(key: string): Promise<unknown> {
    // The driver has read it, and its answer is on its way.
    const text = this.items.get(key);
    await this.#wait("read");
    return text === undefined ? null : (JSON.parse(text) as unknown);
  }

  async setItem(key: string, value: string): Promise<void> {
    await this.#wait("write");
    this.items.set(key, value);
  }

  async removeItem(key: string): Promise<void> {
    await this.#wait("remove");
    this.items.delete(key);
  }

  async getKeys(): Promise<string[]> {
    return [...this.items.keys()];
  }

  async #wait(what: "write" | "remove" | "read"): Promise<void> {
    if (this.late !== what) return;
    this.late = undefined;
    await new Promise<void>((resolve) => (this.#land = resolve));
  }
}

describe("a write that nobody waits for any more", () => {
  test.each(["write", "remove"] as const)("(%s) lets no other one of its id by, and reads go on", async (late) => {
    const storage = new LateStorage();
    const store = createUnstorageStore(storage);
    const [id, other] = [randomId(), randomId()];
    const first = toRecordOf({ n: 1 });
    const second = late === "remove" ? undefined : { ...first, version: 2, data: { n: 2 } };
    const mark = { ...first, version: 3, data: {}, dead: {} };
    await store.write(id, first, 0, 1_000);
    storage.late = late;
    const hung = store.write(id, second, 1, 1_000);
    await new Promise((resolve) => setImmediate(resolve));
    store.giveUp!(id);
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(await store.read(id)).toEqual(first);
      await expect(store.write(id, mark, 1, 1_000)).rejects.toThrow("An earlier write has not come to its end");
      await expect(store.write(id, undefined, 1, 1_000)).rejects.toThrow(Error);
      expect(await store.write(id, mark, 7, 1_000)).toBe(false);
      expect(await store.write(other, { ...first, version: attempt + 1 }, attempt, 1_000)).toBe(true);
    }
    await storage.land();
    expect(await hung).toBe(true);
    expect(await store.read(id)).toEqual(second);
    expect(await store.write(id, mark, second?.version ?? 0, 1_000)).toBe(true);
    expect(await store.read(id)).toEqual(mark);
  });

  test("does not take place after another, where it was its reading that hung", async () => {
    const storage = new LateStorage();
    const store = createUnstorageStore(storage);
    const id = randomId();
    const first = toRecordOf({ n: 1 });
    const mark = { ...first, version: 2, data: {}, dead: {} };
    await store.write(id, first, 0, 1_000);
    storage.late = "read";
    const hung = store.write(id, { ...first, version: 2, data: { n: 2 } }, 1, 1_000).catch(() => "failed");
    await new Promise((resolve) => setImmediate(resolve));
    store.giveUp!(id);
    const ended = await store.write(id, mark, 1, 1_000).catch(() => "failed");
    await storage.land();
    const written = await hung;
    expect([ended, written].filter((outcome) => outcome === true).length, "no two from one version").toBeLessThan(2);
    if (ended === true) expect(await store.read(id)).toEqual(mark);
  });

  test.each(["write", "read"] as const)("(%s) undoes no logout", async (late) => {
    const storage = new LateStorage();
    const clock = new FakeClock();
    const store = createUnstorageStore(storage);
    const { sessions } = createServer(store, clock);
    const live = sessions.begin(new Holder());
    live.data["n"] = 1;
    await sessions.save(live);
    live.data["n"] = 2;
    storage.late = late;
    const saved = expect(sessions.save(live)).rejects.toEqual(code("unavailable"));
    await clock.advance(3_000);
    await saved;
    await clock.advance(1_000);
    // Whoever is told that it took place must not be told a lie; whoever is told that it did not comes again.
    const told = await sessions.destroy(live).then(
      () => "done",
      (error: unknown) => (expect(error).toEqual(code("unavailable")), "failed"),
    );
    if (late === "write") expect(told).toBe("failed");
    await storage.land();
    if (told === "failed") await sessions.destroy(live);
    const other = createServer(createUnstorageStore(storage), clock);
    expect(await other.sessions.open(live.id, new Holder())).toBe("dead");
  });
});

describe("a logout and a new id at the same moment", () => {
  test("end the new session, too, where the logout comes second", async () => {
    const { a, begin, holder, seen, store } = setUp();
    const live = await begin();
    const [renewed, ended] = await Promise.all([
      a.sessions.regenerate(live, holder),
      a.sessions.destroy(live, holder).then(() => "done"),
    ]);
    expect([ended, live.end, renewed.live.end, renewed.live.data]).toEqual(["done", "replaced", "destroyed", {}]);
    expect(holder.ends).toEqual([["destroyed", true]]);
    expect([await seen(renewed.live.id), await aliveIds(store), a.sessions.live.size]).toEqual(["dead", [], 0]);
    await expect(a.sessions.save(renewed.live)).rejects.toEqual(code("unauthorized"));
  });

  test("leave no new session, where the logout comes first", async () => {
    const { a, begin, holder, seen, store } = setUp();
    const live = await begin();
    const [ended, renewed] = await Promise.allSettled([
      a.sessions.destroy(live, holder),
      a.sessions.regenerate(live, holder),
    ]);
    expect([ended.status, renewed]).toEqual(["fulfilled", { status: "rejected", reason: code("unauthorized") }]);
    expect([await seen(live.id), await aliveIds(store), await store.ids()]).toEqual(["dead", [], [live.id]]);
  });

  test.each([1, 3])("end the last of them, by another who had the first (%i new ids)", async (count) => {
    const { a, begin, holder, seen, store } = setUp();
    const live = await begin();
    const other = new Holder();
    await a.sessions.open(live.id, other);
    let last = live;
    for (let round = 0; round < count; round++) last = (await a.sessions.regenerate(last, holder)).live;
    expect(other.ends).toEqual([["replaced", false]]);
    await a.sessions.destroy(live, other);
    expect(holder.ends).toEqual([["destroyed", false]]);
    expect([last.end, await seen(last.id), await aliveIds(store)]).toEqual(["destroyed", "dead", []]);
  });

  test.each([false, true])("on two servers end the new id, with its cookie fetched: %s", async (fetched) => {
    const { a, b, share, holder, seen, store, clock } = setUp();
    const { mine, theirs, other } = await share();
    const { live: fresh, ticket } = await a.sessions.regenerate(mine, holder);
    if (fetched) expect(await a.sessions.redeem(mine.id, ticket)).toBe(fresh.id);
    await b.sessions.destroy(theirs, other);
    expect([theirs.end, other.ends]).toEqual(["destroyed", [["destroyed", true]]]);
    expect([await seen(mine.id), await seen(fresh.id), await aliveIds(store)]).toEqual(["dead", "dead", []]);
    expect(await a.sessions.redeem(mine.id, ticket)).toBeUndefined();
    await expect(a.sessions.save(fresh)).rejects.toEqual(code("unauthorized"));
    await a.sessions.heal(mine);
    a.watch.look();
    await clock.settle();
    expect([await aliveIds(store), b.sessions.live.size]).toEqual([[], 0]);
  });

  test("bring nothing back where the one server does not know whether its new id has come about", async () => {
    const { a, b, share, holder, seen, store, clock } = setUp();
    const { mine, theirs, other } = await share();
    // The mark is there, and its answer is lost.
    store.plan(2, "hangs after");
    const renewed = expect(a.sessions.regenerate(mine, holder)).rejects.toEqual(code("unavailable"));
    while (store.hanging === 0) await clock.settle();
    await clock.advance(3_000);
    await renewed;
    store.heal();
    await clock.advance(1_000);
    const doubt = mine.doubt!.id;
    expect((await store.inner.read(mine.id))?.dead?.next).toBe(doubt);
    await b.sessions.destroy(theirs, other);
    expect(await aliveIds(store)).toEqual([]);
    await a.sessions.heal(mine);
    expect([mine.doubt, await aliveIds(store), await seen(mine.id)]).toEqual([undefined, [], "dead"]);
    await expect(a.sessions.save(mine)).rejects.toEqual(code("unauthorized"));
    expect(await aliveIds(store)).toEqual([]);
  });
});

describe("what only a new id is to have", () => {
  const changes: [string, string | undefined][] = [
    ["user", '"Ada"'],
    ["gone", undefined],
  ];
  const before = { n: 1, gone: 1 };

  /** Notes what the old id has whenever the store is asked, and all that is stored of it. */
  function spy(store: FaultyStore, live: LiveSession): unknown[] {
    const notes: unknown[] = [];
    const { read, write } = store;
    store.read = (id) => (notes.push({ ...live.data }), read.call(store, id));
    store.write = (id, record, ...rest) => {
      notes.push({ ...live.data });
      if (id === live.id && record !== undefined) notes.push(record.data);
      return write.call(store, id, record, ...rest);
    };
    return notes;
  }

  test("is never the old one's", async () => {
    const { a, begin, holder, store, seen } = setUp();
    const live = await begin(before);
    const notes = spy(store, live);
    const { live: fresh } = await a.sessions.regenerate(live, holder, changes);
    expect(notes.length).toBeGreaterThan(1);
    for (const note of notes) expect([before, {}]).toContainEqual(note);
    expect([live.data, fresh.data, await seen(fresh.id)]).toEqual([{}, { n: 1, user: "Ada" }, { n: 1, user: "Ada" }]);
  });

  test.each([
    [1, "fails before"],
    [1, "fails after"],
    [2, "fails before"],
    [2, "fails after"],
  ] as const)("is not the old one's where operation %i %s, and neither is what was not stored", async (at, fault) => {
    const { a, begin, holder, store, seen } = setUp();
    const live = await begin(before);
    live.data["role"] = "admin";
    const notes = spy(store, live);
    store.plan(at, fault);
    await expect(a.sessions.regenerate(live, holder, changes)).rejects.toEqual(code("unavailable"));
    store.heal();
    expect(live.data).toEqual(before);
    live.data["later"] = 1;
    await a.sessions.save(live);
    expect(await seen(live.id)).toEqual({ ...before, later: 1 });
    expect(await aliveIds(store)).toEqual([live.id]);
    expect(JSON.stringify(notes)).not.toContain("Ada");
  });

  test("is not the old one's after a conflict", async () => {
    const { a, b, share, holder, store, seen } = setUp();
    const { mine, theirs } = await share(before);
    theirs.data["n"] = 2;
    await b.sessions.save(theirs);
    mine.data["n"] = 3;
    const notes = spy(store, mine);
    await expect(a.sessions.regenerate(mine, holder, changes)).rejects.toEqual(code("conflict"));
    expect(mine.data).toEqual({ n: 2, gone: 1 });
    expect(await seen(mine.id)).toEqual({ n: 2, gone: 1 });
    expect(JSON.stringify(notes)).not.toContain("Ada");
  });
});

describe("a session that was never stored", () => {
  test.each(["destroy", "regenerate"] as const)("nor handed out leaves nothing behind after %s", async (end) => {
    const { a, holder, store } = setUp();
    for (let round = 0; round < 10; round++) {
      const live = a.sessions.begin(holder);
      live.handedOut = false;
      await a.sessions[end](live, holder);
      expect(live.end).toBe(end === "destroy" ? "destroyed" : "replaced");
    }
    expect([await store.ids(), store.writes]).toEqual([[], 0]);
  });

  test("nor handed out leaves the new id alone, where there is something in it", async () => {
    const { a, holder, store } = setUp();
    const live = a.sessions.begin(holder);
    live.handedOut = false;
    const { live: fresh } = await a.sessions.regenerate(live, holder, [["user", '"Ada"']]);
    expect(await store.ids()).toEqual([fresh.id]);
  });

  test("but stored meanwhile is marked, handed out or not", async () => {
    const { a, begin, seen } = setUp();
    const live = await begin();
    live.handedOut = false;
    await a.sessions.destroy(live);
    expect(await seen(live.id)).toBe("dead");
  });

  test.each(["destroy", "regenerate"] as const)(
    "but handed out leaves a mark for ten seconds after %s",
    async (end) => {
      const { a, holder, store, seen, clock } = setUp();
      const live = a.sessions.begin(holder);
      await a.sessions[end](live, holder);
      expect(await store.ids()).toEqual([live.id]);
      await clock.advance(9_999);
      await a.watch.sweep();
      expect(await seen(live.id)).toBe(end === "destroy" ? "dead" : "moving");
      await clock.advance(1);
      await a.watch.sweep();
      expect(await store.ids()).toEqual([]);
    },
  );

  test("is forgotten sooner than one that was, whose mark stays", async () => {
    const { a, begin, store, clock } = setUp();
    const live = await begin();
    await a.sessions.destroy(live);
    await clock.advance(60_000);
    await a.watch.sweep();
    expect(await store.ids()).toEqual([live.id]);
  });
});

describe("a request whose client is about to get another cookie", () => {
  async function serve() {
    const clock = new FakeServerClock();
    const store = new FaultyStore();
    const app = prism({ clock, session: { storage: store, secret: "a secret of the tests that is long enough" } });
    const open = (cookie?: string): Promise<RequestSession> =>
      app.sessions.open(new Request("http://localhost/", { headers: cookie === undefined ? {} : { cookie } }));
    const first = await open();
    first.session.data["n"] = 1;
    const cookie = /^[^;]+/.exec((await first.finish()) ?? "")![0];
    const login = await open(cookie);
    await login.session.regenerate();
    return { clock, store, open, cookie, login };
  }

  test.each([
    ["destroys", (visit: RequestSession) => visit.session.destroy()],
    [
      "destroys what it has saved",
      async ({ session }: RequestSession) => {
        session.data["n"] = 2;
        await session.save();
        await session.destroy();
      },
    ],
  ])("and that %s clears no cookie", async (_, run) => {
    const { open, cookie, login, store } = await serve();
    const visit = await open(cookie);
    await run(visit);
    await expect(visit.finish()).rejects.toEqual(code("unavailable"));
    const fresh = /^[^;]+/.exec((await login.finish()) ?? "")![0];
    expect((await open(fresh)).session.data, "the login is what it was").toEqual({ n: 1 });
    expect(await aliveIds(store)).toEqual([login.session.id]);
  });
});

describe("a refresh beside what is not stored", () => {
  test("takes over other keys, and the conflict is told by the save that comes", async () => {
    const { a, b, share, seen } = setUp();
    const { mine, theirs } = await share({ n: 1, k: 1, gone: 1 });
    Object.assign(mine.data, { k: 2, own: 1 });
    theirs.data = { n: 5, k: 3, other: 1 };
    await b.sessions.save(theirs);
    for (let round = 0; round < 3; round++) await a.sessions.refresh(mine);
    expect(mine.data).toEqual({ n: 5, k: 2, own: 1, other: 1 });
    theirs.data["other"] = 2;
    await b.sessions.save(theirs);
    await a.sessions.refresh(mine);
    expect(mine.data).toEqual({ n: 5, k: 2, own: 1, other: 2 });
    await expect(a.sessions.save(mine)).rejects.toEqual(
      expect.objectContaining({ name: "PrismError", code: "conflict", data: { keys: ["k"] } }),
    );
    expect(mine.data).toEqual({ n: 5, k: 3, own: 1, other: 2 });
    await a.sessions.save(mine);
    expect(await seen(mine.id)).toEqual({ n: 5, k: 3, own: 1, other: 2 });
  });

  test("tells of no conflict that is over by then", async () => {
    const { a, b, share, seen } = setUp();
    const { mine, theirs } = await share({ k: 1 });
    mine.data["k"] = 2;
    Object.assign(theirs.data, { k: 3, other: 1 });
    await b.sessions.save(theirs);
    await a.sessions.refresh(mine);
    theirs.data["k"] = 2;
    await b.sessions.save(theirs);
    await a.sessions.refresh(mine);
    await a.sessions.save(mine);
    expect(await seen(mine.id)).toEqual({ k: 2, other: 1 });
  });
});
