import { describe, expect, test } from "vitest";
import type { LiveSession, SessionValues } from "../../src/session/live-session.ts";
import { randomId } from "../../src/wire/random-id.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { createServer, expectLive, FaultyStore, finish, Holder, joinBuses, look, type TestServer } from "./servers.ts";

function setUp(options?: Parameters<typeof createServer>[2]) {
  const clock = new FakeClock();
  const store = new FaultyStore();
  const [one, two] = joinBuses(2);
  const servers = [createServer(store, clock, options, one), createServer(store, clock, options, two)] as const;
  const [a, b] = servers;
  const holder = new Holder();

  /** A session that is stored. */
  async function begin(data: SessionValues = { n: 1 }) {
    const live = a.sessions.begin(holder);
    Object.assign(live.data, data);
    await a.sessions.save(live);
    return live;
  }

  /** The same on both servers. */
  async function share(data?: SessionValues) {
    const mine = await begin(data);
    const other = new Holder();
    const theirs = expectLive(await b.sessions.open(mine.id, other));
    return { mine, theirs, other };
  }
  return { clock, store, a, b, holder, begin, share, seen: (id: string) => look(store, clock, id) };
}

const code = (code: string): unknown => expect.objectContaining({ name: "PrismError", code });

describe("a session", () => {
  test("is one object for all who have it on a server", async () => {
    const { a, begin } = setUp();
    const live = await begin();
    expect(await a.sessions.open(live.id, new Holder())).toBe(live);
  });

  test("is not stored while it is empty, and no more once it is empty again", async () => {
    const { a, store, holder } = setUp();
    const live = a.sessions.begin(holder);
    await a.sessions.save(live);
    expect(store.operations).toBe(0);
    live.data["n"] = 1;
    await a.sessions.save(live);
    expect(await store.ids()).toEqual([live.id]);
    delete live.data["n"];
    await a.sessions.save(live);
    expect(await store.ids()).toEqual([]);
    live.data["n"] = 2;
    await a.sessions.save(live);
    expect((await store.read(live.id))?.data).toEqual({ n: 2 });
  });

  test("that nobody has is forgotten here, and read again", async () => {
    const { a, store, holder, begin } = setUp();
    const live = await begin();
    a.sessions.release(live, holder);
    expect(a.sessions.live.size).toBe(0);
    const again = expectLive(await a.sessions.open(live.id, holder));
    expect(again).not.toBe(live);
    expect(again.data).toEqual({ n: 1 });
    expect(store.reads).toBe(1);
  });

  test("of which nothing is stored keeps its id, and has no data", async () => {
    const { a, store, holder } = setUp();
    const id = randomId();
    const live = expectLive(await a.sessions.open(id, holder));
    expect([live.id, live.data]).toEqual([id, {}]);
    a.sessions.release(live, holder);
    expect([await store.ids(), a.sessions.live.size]).toEqual([[], 0]);
  });

  test("that comes again while it is let go of is kept", async () => {
    const { a, holder, begin } = setUp();
    const live = await begin();
    live.data["n"] = 2;
    const saved = a.sessions.save(live);
    a.sessions.release(live, holder);
    expect(a.sessions.live.size, "something is going on").toBe(1);
    const other = new Holder();
    const again = await a.sessions.open(live.id, other);
    await saved;
    expect(again).toBe(live);
    expect(a.sessions.live.get(live.id)).toBe(live);
    a.sessions.release(live, other);
    await Promise.resolve();
    expect(a.sessions.live.size).toBe(0);
  });

  test("is held as often as it was opened: nobody else's release lets go of it", async () => {
    const { a, holder, begin } = setUp();
    const live = await begin();
    const others = [new Holder(), new Holder(), new Holder()];
    await Promise.all(others.map((other) => a.sessions.open(live.id, other)));
    for (const other of [holder, ...others.slice(1), ...others.slice(1)]) a.sessions.release(live, other);
    expect(a.sessions.live.get(live.id)).toBe(live);
    a.sessions.release(live, others[0]!);
    expect(a.sessions.live.size).toBe(0);
  });

  test("opened by many at once is one, read as it is stored", async () => {
    const { b, begin } = setUp();
    const { id } = await begin({ n: 1, list: [1] });
    const opened = await Promise.all(Array.from({ length: 50 }, () => b.sessions.open(id, new Holder())));
    expect(new Set(opened).size).toBe(1);
    const live = expectLive(opened[0]!);
    expect([live.data, live.holders.size, b.sessions.live.size]).toEqual([{ n: 1, list: [1] }, 50, 1]);
  });

  test("that cannot be opened is held by nobody", async () => {
    const { b, store, begin } = setUp();
    const { id } = await begin();
    store.down = true;
    await expect(b.sessions.open(id, new Holder())).rejects.toEqual(code("unavailable"));
    expect(b.sessions.live.size).toBe(0);
  });
});

describe("saving", () => {
  test("writes once for many at the same moment on one server", async () => {
    const { a, store, begin } = setUp();
    const live = await begin();
    const before = store.writes;
    const saves = Array.from({ length: 10 }, (_, at) => {
      live.data[`k${at}`] = at;
      return a.sessions.save(live);
    });
    await Promise.all(saves);
    expect((await store.read(live.id))?.data).toMatchObject({ k0: 0, k9: 9 });
    // The first writes everything; the others find nothing to change, and say only that somebody was there.
    expect((await store.read(live.id))?.version).toBe(live.version);
    const versions = live.version;
    await a.sessions.save(live);
    expect(live.version).toBe(versions);
    expect(store.writes - before).toBeLessThanOrEqual(11);
  });

  test("takes the last value of a key within a server, without a conflict", async () => {
    const { a, begin, store } = setUp();
    const live = await begin();
    live.data["n"] = 2;
    const first = a.sessions.save(live);
    live.data["n"] = 3;
    const second = a.sessions.save(live);
    await Promise.all([first, second]);
    expect((await store.read(live.id))?.data).toEqual({ n: 3 });
  });

  test("keeps what changes while it is going on for the next", async () => {
    const { a, begin, store } = setUp();
    const live = await begin();
    live.data["n"] = 2;
    const saved = a.sessions.save(live);
    await Promise.resolve();
    await Promise.resolve();
    live.data["late"] = true;
    await saved;
    expect(live.data).toEqual({ n: 2, late: true });
    await a.sessions.save(live);
    expect((await store.read(live.id))?.data).toEqual({ n: 2, late: true });
  });

  test("merges other keys of another server", async () => {
    const { a, b, share, seen } = setUp();
    const { mine, theirs } = await share({ n: 1, gone: 1 });
    mine.data["a"] = 1;
    theirs.data["b"] = { deep: [1] };
    delete theirs.data["gone"];
    await Promise.all([a.sessions.save(mine), b.sessions.save(theirs)]);
    const both = { n: 1, a: 1, b: { deep: [1] } };
    expect(await seen(mine.id)).toEqual(both);
    await Promise.all([a.sessions.refresh(mine), b.sessions.refresh(theirs)]);
    expect([mine.data, theirs.data]).toEqual([both, both]);
  });

  test.each<[string, (data: SessionValues) => void, (data: SessionValues) => void, SessionValues]>([
    ["two values", (data) => (data["n"] = 2), (data) => (data["n"] = 3), { n: 2, own: 1 }],
    ["a value and its end", (data) => delete data["n"], (data) => (data["n"] = 3), { own: 1 }],
    ["an end and a value", (data) => (data["n"] = 2), (data) => delete data["n"], { n: 2, own: 1 }],
    ["two new ones", (data) => (data["x"] = 1), (data) => (data["x"] = 2), { n: 1, x: 1, own: 1 }],
  ])("tells of a conflict between %s", async (_, first, second, then) => {
    const { a, b, share, seen } = setUp();
    const { mine, theirs } = await share({ n: 1 });
    first(mine.data);
    await a.sessions.save(mine);
    second(theirs.data);
    theirs.data["own"] = 1;
    const key = Object.hasOwn(then, "x") ? "x" : "n";
    await expect(b.sessions.save(theirs)).rejects.toMatchObject({ code: "conflict", data: { keys: [key] } });
    expect(await seen(mine.id), "nothing is stored").toEqual(mine.data);
    expect(theirs.data, "theirs, and what nobody else has changed").toEqual(then);
    second(theirs.data);
    await b.sessions.save(theirs);
    expect(await seen(mine.id)).toEqual(theirs.data);
  });

  test("sees no conflict where both say the same", async () => {
    const { a, b, share, seen } = setUp();
    const { mine, theirs } = await share({ n: 1, m: 1 });
    for (const { data } of [mine, theirs]) {
      data["n"] = [2];
      delete data["m"];
    }
    await a.sessions.save(mine);
    await b.sessions.save(theirs);
    expect(await seen(mine.id)).toEqual({ n: [2] });
  });

  test("meets what was emptied and filled again by another server: no version comes twice", async () => {
    const { a, b, share, seen } = setUp();
    const { mine, theirs } = await share({ n: 1 });
    mine.data = {};
    await a.sessions.save(mine);
    mine.data = { kept: 1 };
    await a.sessions.save(mine);
    theirs.data["b"] = 1;
    await b.sessions.save(theirs);
    expect(await seen(mine.id)).toEqual({ kept: 1, b: 1 });
  });

  test("meets what was emptied here and filled again by one that has just come", async () => {
    const { a, b, share, clock, store, seen } = setUp();
    const { mine, theirs } = await share({ n: 1 });
    mine.data = {};
    await a.sessions.save(mine);
    const third = createServer(store, clock);
    const fresh = expectLive(await third.sessions.open(mine.id, new Holder()));
    fresh.data["kept"] = 1;
    await third.sessions.save(fresh);
    theirs.data["b"] = 1;
    await b.sessions.save(theirs);
    expect(await seen(mine.id)).toEqual({ kept: 1, b: 1 });
  });

  describe("that was read while both had changed a key, before another server emptied it,", () => {
    async function meet() {
      const { a, b, share, seen } = setUp();
      const { mine, theirs, other } = await share({});
      mine.data = { both: 1, gone: 1 };
      await a.sessions.save(mine);
      theirs.data["both"] = 2;
      await b.sessions.refresh(theirs);
      expect(theirs.data).toEqual({ both: 2, gone: 1 });
      return { a, b, mine, theirs, other, seen };
    }

    test("is stored without what is gone", async () => {
      const { a, b, mine, theirs, seen } = await meet();
      mine.data = {};
      await a.sessions.save(mine);
      await b.sessions.save(theirs);
      expect([theirs.data, await seen(mine.id)]).toEqual([{ both: 2 }, { both: 2 }]);
    });

    test("gets a new id without what is gone", async () => {
      const { a, b, mine, theirs, other, seen } = await meet();
      mine.data = {};
      await a.sessions.save(mine);
      const { live } = await b.sessions.regenerate(theirs, other);
      expect([live.data, await seen(live.id)]).toEqual([{ both: 2 }, { both: 2 }]);
      expect(await seen(mine.id)).toBe("moving");
    });

    test("is not taken for one that was never stored", async () => {
      const { b, mine, theirs, seen } = await meet();
      theirs.data = {};
      await expect(b.sessions.save(theirs)).resolves.toBeUndefined();
      expect([theirs.data, await seen(mine.id)]).toEqual([{ both: 1 }, { both: 1 }]);
      theirs.data = {};
      await b.sessions.save(theirs);
      expect(await seen(mine.id)).toEqual({});
    });

    test("ends, whoever has its cookie", async () => {
      const { b, mine, theirs, other, seen } = await meet();
      theirs.handedOut = false;
      await b.sessions.destroy(theirs, other);
      expect(await seen(mine.id)).toBe("dead");
    });
  });

  test.each([
    ["stored again", (server: TestServer, live: LiveSession) => server.sessions.save(live), { m: 2, l: 2 }],
    ["ended", (server: TestServer, live: LiveSession) => server.sessions.destroy(live), "dead"],
  ])("that was emptied and then %s by one that knew an old version has none that others know", async (_, act, then) => {
    const { a, b, share, clock, store, seen } = setUp();
    const { mine, theirs } = await share({ n: 1 });
    theirs.data["a"] = 1;
    await b.sessions.save(theirs);
    const third = createServer(store, clock);
    const last = expectLive(await third.sessions.open(mine.id, new Holder()));
    theirs.data = {};
    await b.sessions.save(theirs);
    mine.data["m"] = 2;
    await act(a, mine);
    last.data["l"] = 2;
    await third.sessions.save(last).catch((error) => expect(error).toEqual(code("unauthorized")));
    expect(await seen(mine.id)).toEqual(then);
  });

  test("of a session that has ended elsewhere is told so, also where nothing has changed", async () => {
    const { a, b, share, holder } = setUp();
    for (const change of [true, false]) {
      const { mine, theirs } = await share();
      // The bus may lose it.
      b.sessions.live.delete(theirs.id);
      await a.sessions.destroy(mine, holder);
      if (change) theirs.data["n"] = 2;
      await expect(b.sessions.save(theirs)).rejects.toEqual(code("unauthorized"));
      expect([theirs.end, theirs.data]).toEqual(["destroyed", {}]);
    }
  });

  test("refuses what is too large, and stores nothing of it", async () => {
    const { a, begin, store } = setUp({ size: 20 });
    const live = await begin();
    const fits = { s: "x".repeat(20 - '{"s":""}'.length) };
    live.data = { ...fits };
    await a.sessions.save(live);
    live.data["s"] += "x";
    await expect(a.sessions.save(live)).rejects.toEqual(code("too_large"));
    await expect(a.sessions.regenerate(live, new Holder())).rejects.toEqual(code("too_large"));
    expect((await store.read(live.id))?.data).toEqual(fits);
    expect(await store.ids()).toEqual([live.id]);
    live.data = fits;
    await a.sessions.save(live);
  });

  const loop: SessionValues = {};
  loop["loop"] = loop;
  test.each<[string, SessionValues]>([
    ["a BigInt", { n: 1n }],
    ["what contains itself", loop],
    ["a member cookie", { cookie: { path: "/" } }],
    ["what writes itself as a number", { toJSON: () => 5 }],
    ["what writes itself as a list", { toJSON: () => [] }],
    ["what writes itself as nothing", { toJSON: () => undefined }],
    ["what writes itself as null", { toJSON: () => null }],
    ["what writes itself with a cookie", { toJSON: () => ({ cookie: 1 }) }],
  ])("refuses %s with a TypeError, and stores nothing of it", async (_, data) => {
    const { a, begin, store, holder } = setUp();
    const live = await begin();
    live.data = data;
    await expect(a.sessions.save(live)).rejects.toThrow(TypeError);
    await expect(a.sessions.regenerate(live, holder)).rejects.toThrow(TypeError);
    expect((await store.read(live.id))?.data).toEqual({ n: 1 });
    expect(await store.ids()).toEqual([live.id]);
    await a.sessions.destroy(live, holder);
    expect((await store.read(live.id))?.dead).toEqual({});
  });

  test("keeps what JSON makes of it", async () => {
    const { a, b, share } = setUp();
    const { mine, theirs } = await share();
    const date = new Date(0);
    mine.data = { date, none: undefined, list: [undefined, NaN], fn: () => 1 };
    await a.sessions.save(mine);
    expect(mine.changed).toBe(false);
    await b.sessions.refresh(theirs);
    expect(theirs.data).toEqual({ date: date.toJSON(), list: [null, null] });
  });

  test("lets nobody near a prototype, and sees no conflict in it", async () => {
    const { a, b, share, seen } = setUp();
    const { mine, theirs } = await share();
    mine.data = JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}},"n":2}') as {};
    await a.sessions.save(mine);
    await b.sessions.refresh(theirs);
    expect(theirs.data).toEqual({ n: 2 });
    theirs.data["m"] = 1;
    await b.sessions.save(theirs);
    await a.sessions.refresh(mine);
    expect(Object.getPrototypeOf(mine.data)).toBe(Object.prototype);
    expect(Object.keys(mine.data).toSorted()).toEqual(["m", "n"]);
    expect(await seen(mine.id)).toEqual({ n: 2, m: 1 });
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });
});

describe("saving a change", () => {
  test("takes it back if it cannot be stored", async () => {
    const { a, begin, store } = setUp();
    const live = await begin({ n: 1, gone: 1, list: [1] });
    live.data["own"] = 1;
    const apply = (data: SessionValues): void => {
      data["n"] = 2;
      data["more"] = 1;
      delete data["gone"];
      (data["list"] as number[]).push(2);
    };
    store.down = true;
    await expect(a.sessions.save(live, apply)).rejects.toEqual(code("unavailable"));
    expect(live.data).toEqual({ n: 1, gone: 1, own: 1, list: [1] });
    store.heal();
    await a.sessions.save(live, apply);
    const done = { n: 2, more: 1, own: 1, list: [1, 2] };
    expect([live.data, (await store.read(live.id))?.data]).toEqual([done, done]);
  });

  test("leaves what another server has said of it after a conflict", async () => {
    const { a, b, share } = setUp();
    const { mine, theirs } = await share({ n: 1 });
    mine.data["n"] = 2;
    await a.sessions.save(mine);
    const change = b.sessions.save(theirs, (data) => Object.assign(data, { n: 3, more: 1 }));
    await expect(change).rejects.toEqual(code("conflict"));
    expect(theirs.data).toEqual({ n: 2 });
  });

  test("takes back what is named like the prototype, and nothing more", async () => {
    const { a, begin, store } = setUp();
    const live = await begin();
    store.down = true;
    const change = a.sessions.save(live, (data) =>
      Object.defineProperty(data, "__proto__", { value: 1, configurable: true, enumerable: true, writable: true }),
    );
    await expect(change).rejects.toEqual(code("unavailable"));
    expect(Object.getOwnPropertyNames(live.data)).toEqual(["n"]);
  });

  test("that throws changes nothing, and keeps nobody waiting", async () => {
    const { a, begin, store } = setUp();
    const live = await begin();
    const change = a.sessions.save(live, (data) => {
      data["n"] = 2;
      throw new RangeError("No");
    });
    await expect(change).rejects.toThrow(RangeError);
    expect(live.data).toEqual({ n: 1 });
    live.data["m"] = 1;
    await a.sessions.save(live);
    expect((await store.read(live.id))?.data).toEqual({ n: 1, m: 1 });
  });
});

describe("a new id", () => {
  test("takes over the data, and the old one is dead at once, on every server", async () => {
    const { a, b, share, holder, seen } = setUp();
    const { mine, theirs, other } = await share({ n: 1 });
    const third = new Holder();
    await a.sessions.open(mine.id, third);
    mine.data["user"] = "Ada";
    const { live, ticket } = await a.sessions.regenerate(mine, holder);
    expect(live.id).toMatch(/^[\w-]{22}$/);
    expect(live.id).not.toBe(mine.id);
    expect(ticket).toMatch(/^[\w-]{22}$/);
    expect([mine.end, mine.data, live.data]).toEqual(["replaced", {}, { n: 1, user: "Ada" }]);
    expect([holder.ends, third.ends, other.ends]).toEqual([[], [["replaced", false]], [["replaced", false]]]);
    expect([theirs.end, theirs.data]).toEqual(["replaced", {}]);
    expect([...a.sessions.live.values(), ...b.sessions.live.values()]).toEqual([live]);
    expect([...live.holders]).toEqual([holder]);
    expect([await seen(mine.id), await seen(live.id)]).toEqual(["moving", { n: 1, user: "Ada" }]);
    for (const again of [() => a.sessions.save(mine), () => a.sessions.regenerate(mine, holder)]) {
      await expect(again()).rejects.toEqual(code("unauthorized"));
    }
  });

  test("shares nothing with the old one", async () => {
    const { a, begin, holder } = setUp();
    const mine = await begin({ list: [1] });
    const list = mine.data["list"] as number[];
    const { live } = await a.sessions.regenerate(mine, holder);
    list.push(2);
    expect(live.data).toEqual({ list: [1] });
  });

  test("is given to a session that was never stored", async () => {
    const { a, store, holder, seen } = setUp();
    const empty = a.sessions.begin(holder);
    const { live } = await a.sessions.regenerate(empty, holder);
    expect([await seen(empty.id), await store.ids()]).toEqual(["moving", [empty.id]]);
    live.data["n"] = 1;
    await a.sessions.save(live);
    expect(await seen(live.id)).toEqual({ n: 1 });
  });

  test("takes over what another server has stored, and tells of what both have changed", async () => {
    const { a, b, share, holder, seen } = setUp();
    const { mine, theirs, other } = await share({ n: 1 });
    theirs.data["b"] = 1;
    await b.sessions.save(theirs);
    mine.data["a"] = 1;
    const { live } = await a.sessions.regenerate(mine, holder);
    expect(await seen(live.id)).toEqual({ n: 1, a: 1, b: 1 });
    expect(other.ends).toEqual([["replaced", false]]);

    const next = await share({ n: 1 });
    next.theirs.data["n"] = 2;
    await b.sessions.save(next.theirs);
    next.mine.data["n"] = 3;
    await expect(a.sessions.regenerate(next.mine, holder)).rejects.toEqual(code("conflict"));
    expect(await seen(next.mine.id)).toEqual({ n: 2 });
    const { live: last } = await a.sessions.regenerate(next.mine, holder);
    expect(await seen(last.id)).toEqual({ n: 2 });
  });

  test("leaves nothing behind where another server was faster", async () => {
    const { a, b, share, holder, store } = setUp();
    const { mine, theirs } = await share();
    const outcomes = await Promise.allSettled([
      a.sessions.regenerate(mine, holder),
      b.sessions.regenerate(theirs, new Holder()),
    ]);
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    expect(outcomes.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "unauthorized" } });
    expect((await store.ids()).length, "the old one's mark, and one new id").toBe(2);
  });

  test("is given once, however often it is asked for at the same moment", async () => {
    const { a, begin, holder, store } = setUp();
    const live = await begin();
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => a.sessions.regenerate(live, holder)));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect((await store.ids()).length).toBe(2);
  });
});

describe("the end", () => {
  test("is told to everybody, on every server, and lasts", async () => {
    const { a, b, share, holder, seen, store } = setUp();
    const { mine, theirs, other } = await share();
    const third = new Holder();
    await a.sessions.open(mine.id, third);
    await a.sessions.destroy(mine, holder);
    expect([holder.ends, third.ends, other.ends]).toEqual([
      [["destroyed", true]],
      [["destroyed", false]],
      [["destroyed", false]],
    ]);
    expect([mine.data, theirs.data, a.sessions.live.size, b.sessions.live.size]).toEqual([{}, {}, 0, 0]);
    expect([await seen(mine.id), (await store.read(mine.id))?.data]).toEqual(["dead", {}]);
    await a.sessions.destroy(mine, holder);
    expect(holder.ends).toHaveLength(1);
    await expect(a.sessions.save(mine)).rejects.toEqual(code("unauthorized"));
  });

  test("is that of a session that was never stored, too", async () => {
    const { a, holder, seen } = setUp();
    const live = a.sessions.begin(holder);
    await a.sessions.destroy(live);
    expect([holder.ends, await seen(live.id)]).toEqual([[["destroyed", false]], "dead"]);
  });

  test("comes whatever other servers have stored meanwhile", async () => {
    const { a, b, share, seen } = setUp();
    const { mine, theirs } = await share();
    theirs.data["n"] = 2;
    await b.sessions.save(theirs);
    mine.data["n"] = 3;
    await a.sessions.destroy(mine);
    expect(await seen(mine.id)).toBe("dead");
  });

  test("reaches who came after the one that ends it had gone", async () => {
    const { a, begin, holder, seen } = setUp();
    for (const end of ["destroyed", "replaced"] as const) {
      const live = await begin();
      // A handler is still at work when its connection closes, and the client has come again.
      a.sessions.release(live, holder);
      const next = new Holder();
      const again = expectLive(await a.sessions.open(live.id, next));
      if (end === "destroyed") await a.sessions.destroy(live, holder);
      else await a.sessions.regenerate(live, holder);
      expect(next.ends).toEqual([[end, false]]);
      expect([again.end, again.data]).toEqual([end, {}]);
      expect(await seen(live.id)).toBe(end === "destroyed" ? "dead" : "moving");
    }
  });

  test.each(["here", "elsewhere"])("that comes %s while the session is read is not missed", async (where) => {
    const { a, b, store, begin } = setUp();
    const live = await begin();
    const { read } = store;
    let go = (): void => {};
    // The store has read it, and its answer is on its way.
    store.read = async (id) => {
      const record = await store.inner.read(id);
      await new Promise<void>((resolve) => (go = resolve));
      return record;
    };
    const late = new Holder();
    const opening = b.sessions.open(live.id, late);
    await new Promise((resolve) => setImmediate(resolve));
    store.read = read;
    const ender = where === "elsewhere" ? a : b;
    const known = ender.sessions.live.get(live.id) ?? live;
    const ended = ender.sessions.destroy(known);
    await new Promise((resolve) => setImmediate(resolve));
    go();
    await ended;
    const opened = await opening;
    if (typeof opened !== "string") expect([opened.end, opened.data, late.ends]).toMatchObject(["destroyed", {}, [{}]]);
    expect(b.sessions.live.size).toBe(0);
  });

  test("is seen by a refresh where nobody has told", async () => {
    const { a, b, share } = setUp();
    const { mine, theirs, other } = await share();
    b.sessions.live.delete(theirs.id);
    await a.sessions.destroy(mine);
    b.sessions.live.set(theirs.id, theirs);
    expect(theirs.end).toBeUndefined();
    await b.sessions.refresh(theirs);
    expect([theirs.end, other.ends, b.sessions.live.size]).toEqual(["destroyed", [["destroyed", false]], 0]);
  });
});

describe("a ticket", () => {
  test("is traded once, and only with the old id", async () => {
    const { a, b, begin, holder, seen } = setUp();
    const old = await begin();
    const { live, ticket } = await a.sessions.regenerate(old, holder);
    const wrong = `${ticket.startsWith("A") ? "B" : "A"}${ticket.slice(1)}`;
    for (const [id, given] of [
      [old.id, wrong],
      [old.id, ""],
      [old.id, live.id],
      [live.id, ticket],
      [randomId(), ticket],
    ] as const) {
      expect(await b.sessions.redeem(id, given)).toBeUndefined();
    }
    expect(await b.sessions.redeem(old.id, ticket)).toBe(live.id);
    expect(await b.sessions.redeem(old.id, ticket)).toBeUndefined();
    expect(await a.sessions.redeem(old.id, ticket)).toBeUndefined();
    expect(await seen(live.id)).toEqual({ n: 1 });
  });

  test("is traded by one of many at once", async () => {
    const { a, b, begin, holder } = setUp();
    const old = await begin();
    const { live, ticket } = await a.sessions.regenerate(old, holder);
    const all = Array.from({ length: 20 }, (_, at) => (at % 2 ? a : b).sessions.redeem(old.id, ticket));
    expect((await Promise.all(all)).filter(Boolean)).toEqual([live.id]);
  });

  test("is good for ten seconds, and the old id is dead then as before", async () => {
    const { a, begin, holder, clock, seen } = setUp();
    const redeemAfter = async (ms: number): Promise<unknown[]> => {
      const old = await begin();
      const { live, ticket } = await a.sessions.regenerate(old, holder);
      await clock.advance(ms);
      return [await seen(old.id), (await a.sessions.redeem(old.id, ticket)) === live.id];
    };
    expect(await redeemAfter(9_999)).toEqual(["moving", true]);
    expect(await redeemAfter(10_000)).toEqual(["dead", false]);
  });

  test("is not stored, and none is there for a session that has ended", async () => {
    const { a, begin, holder, store } = setUp();
    const old = await begin();
    const { ticket } = await a.sessions.regenerate(old, holder);
    expect(JSON.stringify(await store.read(old.id))).not.toContain(ticket);
    const gone = await begin();
    await a.sessions.destroy(gone);
    for (const given of ["", "undefined", ticket]) expect(await a.sessions.redeem(gone.id, given)).toBeUndefined();
  });
});

describe("a store that is down", () => {
  test("is told of once, and once again when it is back", async () => {
    const { a, clock, store, begin } = setUp();
    const live = await begin();
    store.down = true;
    for (let at = 0; at < 3; at++) {
      live.data["n"] = `${at} times`;
      expect(await finish(a.sessions.save(live), clock, store)).toEqual({ code: "unavailable" });
    }
    expect(a.told).toEqual(["The session store fails"]);
    store.heal();
    expect(await finish(a.sessions.save(live), clock, store)).toEqual({ value: undefined });
    expect(a.told).toEqual(["The session store fails", "The session store works again"]);
    expect(clock.timers).toBe(0);
  });

  test("that throws where it must not is as good as one that fails", async () => {
    const { a, store, begin } = setUp();
    const live = await begin();
    store.read = store.write = () => {
      throw new Error("At once");
    };
    live.data["n"] = 2;
    await expect(a.sessions.save(live)).rejects.toEqual(code("unavailable"));
    await expect(a.sessions.open(randomId(), new Holder())).rejects.toEqual(code("unavailable"));
  });
});
