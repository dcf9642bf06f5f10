import { describe, expect, test } from "vitest";
import { createStorage } from "unstorage";
import { prism } from "../../mod.ts";
import { openRequestSession } from "../../src/session/request-session.ts";
import { SessionGate } from "../../src/session/session-gate.ts";
import type { SessionOptions } from "../../src/session/options.ts";
import { createUnstorageStore } from "../../src/session/unstorage-store.ts";
import { admit, FakeServerClock, RawPeer } from "../server/raw.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { createServer, expectLive, FaultyStore, Holder, START } from "./servers.ts";

const secret = "a secret of the tests that is long enough";

async function setUp(options: SessionOptions) {
  const clock = new FakeClock();
  const store = new FaultyStore();
  const server = createServer(store, clock, options);
  const { sessions, watch } = server;
  const holder = new Holder();
  const live = sessions.begin(holder);
  live.data["n"] = 1;
  await sessions.save(live);
  watch.start();
  /** Lets time go by, with something heard of the client every so many ms. */
  async function active(ms: number, every: number): Promise<void> {
    for (let gone = 0; gone < ms; gone += every) {
      holder.activity++;
      await clock.advance(every);
    }
  }
  return { clock, store, server, sessions, watch, holder, live, active };
}

/** What the first look after a moment still may miss, in ms. */
const STEP = 60_000;

describe("a session that somebody has", () => {
  test("ends when nothing was heard of it for its idle time, and not before", async () => {
    const { clock, holder, store, live, sessions } = await setUp({ idle: 3_600_000 });
    await clock.advance(3_599_999);
    expect(holder.ends).toEqual([]);
    await clock.advance(1 + STEP);
    expect(holder.ends).toEqual([["expired", false]]);
    expect([live.data, sessions.live.size, await store.ids()]).toEqual([{}, 0, []]);
  });

  test("ends at the latest a twentieth of its time, or a minute, too late", async () => {
    for (const idle of [100, 1_000, 60_000, 600_000, 86_400_000]) {
      const { clock, holder } = await setUp({ idle });
      await clock.advance(idle - 1);
      expect(holder.ends).toEqual([]);
      await clock.advance(1 + Math.min(STEP, Math.max(20, idle / 20)));
      expect(holder.ends, `${idle} ms`).toEqual([["expired", false]]);
    }
  });

  test("lives while its client does anything, and no longer than its time", async () => {
    const { clock, holder, active } = await setUp({ idle: 600_000, ttl: 3_600_000 });
    await active(3_599_000, 1_000);
    expect(holder.ends).toEqual([]);
    holder.activity++;
    await clock.advance(1_000 + STEP);
    expect(holder.ends).toEqual([["expired", false]]);
  });

  test("lives while its client does anything here, though another server has changed it since", async () => {
    const { clock, store, holder, live, active } = await setUp({ idle: 600_000 });
    const other = createServer(store, clock, { idle: 600_000 });
    const guest = new Holder();
    const opened = expectLive(await other.sessions.open(live.id, guest));
    opened.data["m"] = 2;
    await other.sessions.save(opened);
    other.sessions.release(opened, guest);
    await active(1_200_000, 10_000);
    expect(holder.ends).toEqual([]);
    expectLive(await other.sessions.open(live.id, guest));
  });

  test("counts from what was heard last", async () => {
    const { clock, holder, active } = await setUp({ idle: 600_000 });
    await active(300_000, 10_000);
    await clock.advance(540_000);
    expect(holder.ends).toEqual([]);
    await clock.advance(60_000 + STEP);
    expect(holder.ends).toHaveLength(1);
  });

  test("lives while anybody of several does anything", async () => {
    const { clock, holder, sessions, live } = await setUp({ idle: 600_000 });
    const other = new Holder();
    await sessions.open(live.id, other);
    for (let at = 0; at < 20; at++) {
      other.activity++;
      await clock.advance(300_000);
    }
    expect([holder.ends, other.ends]).toEqual([[], []]);
    await clock.advance(600_000 + STEP);
    expect([holder.ends, other.ends]).toEqual([[["expired", false]], [["expired", false]]]);
  });

  test("ends of which nothing is stored with its connection alone", async () => {
    const { clock, sessions } = await setUp({ idle: 1_000, ttl: 2_000 });
    const holder = new Holder();
    const live = sessions.begin(holder);
    await clock.advance(100_000);
    expect(holder.ends).toEqual([]);
    live.data["n"] = 1;
    await sessions.save(live);
    await clock.advance(999);
    expect(holder.ends).toEqual([]);
    await clock.advance(100);
    expect(holder.ends).toHaveLength(1);
  });

  test("goes on here while another server hears of its client", async () => {
    const { clock, store, holder, live } = await setUp({ idle: 600_000 });
    const other = createServer(store, clock, { idle: 600_000 });
    const there = new Holder();
    await other.sessions.open(live.id, there);
    other.watch.start();
    for (let at = 0; at < 30; at++) {
      there.activity++;
      await clock.advance(100_000);
    }
    expect([holder.ends, there.ends]).toEqual([[], []]);
    expect(store.reads, "asked for when the time is over as far as is known here, and not at each look").toBeLessThan(
      15,
    );
    await clock.advance(600_000 + 2 * STEP);
    expect([holder.ends, there.ends]).toEqual([[["expired", false]], [["expired", false]]]);
  });

  test("with a new id has its time anew", async () => {
    const { clock, sessions, live, holder } = await setUp({ ttl: 1_000_000, idle: 1_000_000 });
    await clock.advance(900_000);
    const next = await sessions.regenerate(live, holder);
    await clock.advance(900_000);
    expect([holder.ends, next.live.end]).toEqual([[], undefined]);
    await clock.advance(100_000 + STEP);
    expect(holder.ends).toEqual([["expired", false]]);
  });

  test("ends by its time while the store is down, and by idleness when that is back", async () => {
    const byTime = await setUp({ ttl: 600_000 });
    byTime.store.down = true;
    await byTime.clock.advance(600_000 + STEP);
    expect(byTime.holder.ends).toEqual([["expired", false]]);

    const byIdle = await setUp({ idle: 600_000 });
    byIdle.store.down = true;
    await byIdle.clock.advance(1_200_000);
    expect(byIdle.holder.ends, "another server may have heard of it").toEqual([]);
    byIdle.store.heal();
    await byIdle.clock.advance(STEP);
    expect(byIdle.holder.ends).toEqual([["expired", false]]);
  });
});

describe("the store hears of a client", () => {
  test("at most ten times in its idle time", async () => {
    const { store, active } = await setUp({ idle: 600_000 });
    const before = store.operations;
    await active(600_000, 1_000);
    expect(store.operations - before).toBeGreaterThanOrEqual(5);
    expect(store.operations - before).toBeLessThanOrEqual(10);
  });

  test("not at all where nothing is heard", async () => {
    const { store, clock } = await setUp({ idle: 600_000 });
    const before = store.operations;
    await clock.advance(599_000);
    expect(store.operations).toBe(before);
  });

  test("again when it could not take it", async () => {
    const { store, clock, active, live } = await setUp({ idle: 600_000 });
    await clock.advance(120_000);
    store.plan(1, "fails before");
    await active(120_000, 10_000);
    expect(store.heal()).toBe(true);
    const { seen } = (await store.inner.read(live.id))!;
    expect(START + clock.now() - seen).toBeLessThanOrEqual(2 * STEP);
  });

  test("of one that comes often, and never for long", async () => {
    const { store, clock, sessions, holder, live, watch } = await setUp({ idle: 600_000 });
    sessions.release(live, holder);
    for (let at = 0; at < 100; at++) {
      await clock.advance(50_000);
      watch.start();
      const again = expectLive(await sessions.open(live.id, holder));
      expect(again.data).toEqual({ n: 1 });
      sessions.release(again, holder);
    }
    expect(store.writes).toBeLessThan(100);
  });
});

describe("a session that is only stored", () => {
  test.each([
    ["idle", { idle: 1_000_000, ttl: 9_000_000 }],
    ["ttl", { idle: 9_000_000, ttl: 1_000_000 }],
  ])("is gone when its time is over, by %s, whatever is left of it", async (_, options) => {
    const { clock, store, sessions, holder, live } = await setUp(options);
    sessions.release(live, holder);
    await clock.advance(999_999);
    const other = createServer(store, clock, options);
    expectLive(await other.sessions.open(live.id, new Holder()));
    await clock.advance(1);
    expect(await store.inner.read(live.id), "the store knows nothing of time").toBeDefined();
    const after = createServer(store, clock, options);
    expect(await after.sessions.open(live.id, new Holder())).toBe("dead");
  });

  test("is swept, and so are marks once no cookie can come back", async () => {
    const { clock, store, sessions, holder, live } = await setUp({ idle: 3_600_000, ttl: 7_200_000, sweep: 600_000 });
    store.expires = false;
    const { watch } = createServer(store, clock, { idle: 3_600_000, ttl: 7_200_000, sweep: 600_000 });
    const ended = sessions.begin(new Holder());
    ended.data["user"] = "Ada";
    await sessions.save(ended);
    await sessions.destroy(ended);
    // Of one that was never stored nothing can come back: its mark is only for who is about to get another cookie.
    const empty = sessions.begin(new Holder());
    await sessions.destroy(empty);
    expect(await store.ids()).toHaveLength(3);
    sessions.release(live, holder);
    await clock.advance(10_000);
    await watch.sweep();
    expect(await store.ids()).not.toContain(empty.id);
    await clock.advance(3_589_000);
    await watch.sweep();
    expect((await store.ids()).toSorted()).toEqual([live.id, ended.id].toSorted());
    await clock.advance(1_000);
    await watch.sweep();
    expect(await store.ids()).toEqual([ended.id]);
    await clock.advance(3_599_000);
    await watch.sweep();
    expect(await store.ids()).toEqual([ended.id]);
    expect(await sessions.open(ended.id, new Holder())).toBe("dead");
    await clock.advance(1_000);
    await watch.sweep();
    expect(await store.ids()).toEqual([]);
  });

  test("is swept by itself, each ten minutes, from the first that is stored", async () => {
    const { clock, store, sessions, holder, live, watch } = await setUp({ idle: 1_000_000 });
    store.expires = false;
    watch.start();
    sessions.release(live, holder);
    await clock.advance(1_199_000);
    expect(await store.ids()).toEqual([live.id]);
    await clock.advance(1_000);
    expect(await store.ids()).toEqual([]);
  });

  test("is not swept where the store does that", async () => {
    const { clock, store, watch } = await setUp({ idle: 1_000 });
    store.ids = () => Promise.reject(new Error("Asked"));
    watch.start();
    await clock.advance(10_000_000);
    expect(clock.timers, "nobody is there, and nothing to do").toBe(0);
  });

  test("outlives a sweep that fails, which is made again", async () => {
    const { clock, store, sessions, holder, live, watch } = await setUp({ idle: 1_000, sweep: 1_000 });
    store.expires = false;
    sessions.release(live, holder);
    watch.start();
    const { ids } = store;
    store.ids = () => Promise.reject(new Error("Down"));
    await clock.advance(5_000);
    store.ids = ids;
    store.down = true;
    await clock.advance(5_000);
    expect((await ids.call(store)).length).toBe(1);
    store.heal();
    await clock.advance(1_000);
    expect(await ids.call(store)).toEqual([]);
  });

  test("that comes back while it is swept stays", async () => {
    const { clock, store, sessions, holder, live, watch } = await setUp({ idle: 1_000 });
    sessions.release(live, holder);
    await clock.advance(999);
    const { write } = store;
    store.write = async (id, record, expected, ttl) => {
      // Just before it is removed another server takes it up again.
      const { inner } = store;
      if (record === undefined)
        await inner.write(id, { ...(await inner.read(id))!, version: expected + 1 }, expected, 1);
      return write.call(store, id, record, expected, ttl);
    };
    await clock.advance(1);
    await watch.sweep();
    expect(await store.ids()).toEqual([live.id]);
  });
});

describe("a clock that jumps", () => {
  class JumpingClock extends FakeServerClock {
    off = 0;
    override wall(): number {
      return START + this.now() + this.off;
    }
  }

  async function join(options: SessionOptions) {
    const clock = new JumpingClock();
    const storage = createStorage();
    const app = prism({ clock, session: { storage, secret, ...options }, limits: { heartbeat: 100_000_000 } });
    const admission = await admit(app, { protocols: "prism.1" });
    const peer = new RawPeer(clock);
    admission.open(peer.far);
    await peer.say();
    const cookie = admission.headers.get("set-cookie")!.split(";")[0]!;
    const visit = await app.sessions.open(new Request("http://localhost/", { headers: { cookie } }));
    visit.session.data["n"] = 1;
    await visit.finish();
    return { clock, app, peer, cookie, storage };
  }

  test.each([3_600_000, -3_600_000])("by %d ms ends no session, and puts no end off", async (jump) => {
    const { clock, app, peer, cookie } = await join({ ttl: 1_800_000, idle: 1_800_000 });
    await clock.advance(60_000);
    clock.off = jump;
    await clock.advance(1_700_000);
    expect(peer.closings).toEqual([]);
    const visit = await app.sessions.open(new Request("http://localhost/", { headers: { cookie } }));
    expect(visit.session.data).toEqual({ n: 1 });
    await visit.session.save();
    await visit.finish();
    await clock.advance(40_000 + STEP);
    expect(peer.closings).toEqual([{ code: 1008, reason: "Session expired" }]);
    await app.close();
  });
});

describe("timers", () => {
  test("stop when nobody has a session, and start when somebody comes", async () => {
    const { clock, sessions, holder, live, watch } = await setUp({ idle: 100_000 });
    sessions.release(live, holder);
    await clock.advance(STEP);
    expect(clock.timers).toBe(0);
    watch.start();
    watch.start();
    expect(clock.timers).toBe(1);
  });

  test("are gone when the app closes", async () => {
    const clock = new FakeServerClock();
    const app = prism({ clock, session: { secret } });
    const peers = await Promise.all(
      [1, 2].map(async () => {
        const admission = await admit(app, { protocols: "prism.1" });
        const peer = new RawPeer(clock);
        admission.open(peer.far);
        await peer.say("%@");
        return { peer, cookie: admission.headers.get("set-cookie")!.split(";")[0]! };
      }),
    );
    const { cookie } = peers[0]!;
    const visit = await app.sessions.open(new Request("http://localhost/", { headers: { cookie } }));
    visit.session.data["n"] = 1;
    await visit.finish();
    expect(clock.timers).toBeGreaterThan(0);
    await app.close();
    await clock.settle();
    expect(peers.map(({ peer }) => peer.closings[0]?.code)).toEqual([1001, 1001]);
    expect(clock.timers).toBe(0);
    const late = await app.sessions.open(new Request("http://localhost/", { headers: { cookie } }));
    expect(late.session.data).toEqual({ n: 1 });
    await late.finish();
    await clock.settle();
    expect(clock.timers, "a route that is still at work starts none").toBe(0);
  });

  test("are not started by looking at what nobody has", async () => {
    const clock = new FakeClock();
    const gate = new SessionGate({ secret }, { clock, wall: START, https: undefined, warn: () => {} });
    expect(clock.timers).toBe(0);
    const visit = await openRequestSession(gate, null, false);
    await visit.finish();
    await clock.advance(STEP);
    expect(clock.timers).toBe(0);
    gate.stop();
  });
});

test("a store with its own expiry is told how long a record is good", async () => {
  const clock = new FakeClock();
  const inner = createUnstorageStore(createStorage());
  const lives: number[] = [];
  const store = {
    ...inner,
    write: (...given: Parameters<typeof inner.write>) => {
      lives.push(given[3]);
      return inner.write(...given);
    },
  };
  const { sessions } = createServer(store, clock, { ttl: 10_000, idle: 4_000 });
  const live = sessions.begin(new Holder());
  live.data["n"] = 1;
  await sessions.save(live);
  await clock.advance(3_000);
  live.data["n"] = 2;
  await sessions.save(live);
  await clock.advance(3_500);
  live.data["n"] = 3;
  await sessions.save(live);
  await clock.advance(1_500);
  await sessions.destroy(live);
  // A mark stays for as long as the cookie could come back.
  expect(lives).toEqual([4_000, 4_000, 3_500, 10_000]);
});
