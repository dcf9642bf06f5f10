import { describe, expect, test } from "vitest";
import type { LiveSession } from "../../src/session/live-session.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import {
  aliveIds,
  createServer,
  expectLive,
  faults,
  FaultyStore,
  finish,
  Holder,
  look,
  type Fault,
  type Outcome,
  type TestServer,
} from "./servers.ts";

const old = { n: 1, kept: [1] };
const later = { n: 2, kept: [1], more: 1 };

/** A server with one session that is stored, and has changed since. */
async function setUp() {
  const clock = new FakeClock();
  const store = new FaultyStore();
  const server = createServer(store, clock);
  const holder = new Holder();
  const live = server.sessions.begin(holder);
  live.data = structuredClone(old);
  await server.sessions.save(live);
  Object.assign(live.data, later);
  return { clock, store, server, holder, live, finish: <T>(run: Promise<T>) => finish(run, clock, store) };
}

type Stage = Awaited<ReturnType<typeof setUp>>;

/** The store works again, and rests no more. */
async function heal({ store, clock }: Stage): Promise<boolean> {
  await clock.advance(1_000);
  return store.heal();
}

/** Does something with each of its operations going wrong in each way, as long as it has so many; then looks. */
async function eachFault<Prepared, Value>(
  prepare: (stage: Stage) => Promise<Prepared>,
  run: (stage: Stage, prepared: Prepared) => Promise<Value>,
  check: (stage: Stage, outcome: Outcome<Value>, prepared: Prepared, what: string, fault: Fault) => Promise<void>,
  kinds: readonly Fault[] = faults,
): Promise<void> {
  for (const fault of kinds) {
    for (let at = 1; ; at++) {
      const stage = await setUp();
      const prepared = await prepare(stage);
      stage.store.plan(at, fault);
      const outcome = await stage.finish(run(stage, prepared));
      if (!(await heal(stage))) {
        expect(outcome.code, `${at - 1} operations`).toBeUndefined();
        expect(at, "there is something to go wrong").toBeGreaterThan(1);
        break;
      }
      expect([undefined, "unavailable"], `${at} ${fault}`).toContain(outcome.code);
      await check(stage, outcome, prepared, `operation ${at} ${fault}`, fault);
      expect(stage.clock.timers, "no deadline is left").toBe(0);
    }
  }
}

const nothing = async (): Promise<void> => {};

describe("a store that fails or hangs at any operation", () => {
  test("leaves the old or the new data of a save, and another one stores the new", async () => {
    await eachFault(
      nothing,
      ({ server, live }) => server.sessions.save(live),
      async ({ server, live, store, clock, finish }, { code }, _, what) => {
        const seen = await look(store, clock, live.id);
        expect(code === undefined ? [later] : [old, later], what).toContainEqual(seen);
        expect(live.data, what).toEqual(later);
        expect(await finish(server.sessions.save(live)), what).toEqual({ value: undefined });
        expect(await look(store, clock, live.id), what).toEqual(later);
      },
    );
  });

  test("leaves the old or the new data of a save that merges with another server's", async () => {
    await eachFault(
      async ({ store, clock, live }) => {
        const { sessions } = createServer(store, clock);
        const other = expectLive(await sessions.open(live.id, new Holder()));
        other.data["theirs"] = 1;
        await sessions.save(other);
      },
      ({ server, live }) => server.sessions.save(live),
      async ({ server, live, store, clock, finish }, _, __, what) => {
        expect(
          [
            { ...old, theirs: 1 },
            { ...later, theirs: 1 },
          ],
          what,
        ).toContainEqual(await look(store, clock, live.id));
        expect(await finish(server.sessions.save(live)), what).toEqual({ value: undefined });
        expect(await look(store, clock, live.id), what).toEqual({ ...later, theirs: 1 });
      },
    );
  });

  test("takes a change back that it has not stored, and another server's changes stay", async () => {
    await eachFault(
      async ({ store, clock, live, server }) => {
        await server.sessions.save(live);
        live.data["unsaved"] = 1;
        const { sessions } = createServer(store, clock);
        const other = expectLive(await sessions.open(live.id, new Holder()));
        Object.assign(other.data, { theirs: 1, change: 1 });
        await sessions.save(other);
      },
      ({ server, live }) => server.sessions.save(live, (data) => Object.assign(data, { change: 1, unsaved: 2 })),
      async ({ server, live, store, clock, finish }, { code }, _, what) => {
        if (code !== undefined) expect(live.data["unsaved"], what).toBe(1);
        expect(await finish(server.sessions.save(live)), what).toSatisfy(
          (outcome: Outcome<void>) => outcome.code === undefined || outcome.code === "conflict",
        );
        expect(await look(store, clock, live.id), what).toMatchObject({ ...later, theirs: 1, change: 1 });
      },
    );
  });

  test.each([true, false])("leaves one of two ids alive when a session gets another, stored: %s", async (stored) => {
    await eachFault(
      async (stage) => {
        if (stored) return;
        stage.live = stage.server.sessions.begin(stage.holder);
        stage.live.data = structuredClone(later);
      },
      ({ server, live, holder }) => server.sessions.regenerate(live, holder),
      async (stage, outcome, _, what) => {
        const { server, live, store, clock, holder, finish } = stage;
        // What could not be taken back at once is at the next look.
        server.watch.look();
        await clock.settle();
        const alive = await aliveIds(store);
        if (outcome.code === undefined) {
          const { live: fresh, ticket } = outcome.value;
          expect(
            alive.filter((id) => id !== live.id),
            what,
          ).toContain(fresh.id);
          expect([await look(store, clock, live.id), await look(store, clock, fresh.id)], what).toEqual([
            "moving",
            later,
          ]);
          expect(await finish(server.sessions.redeem(live.id, ticket)), what).toEqual({ value: fresh.id });
          return;
        }
        // The first session of the stage is there where this one was never stored.
        const before = stored ? [live.id] : alive.filter((id) => id !== live.id);
        expect(alive, what).toEqual(before);
        expect(alive, what).toHaveLength(1);
        expect([old, later, {}], what).toContainEqual(await look(store, clock, live.id));
        // What was not stored yet, a login say, must not become the old id's.
        const kept = stored ? old : {};
        expect([live.end, live.data, [...live.holders]], what).toEqual([undefined, kept, [holder]]);
        const again = await finish(server.sessions.regenerate(live, holder));
        if (again.code !== undefined) throw new Error(`${what}: ${again.code} at the second try`);
        expect(await look(store, clock, live.id), what).toBe("moving");
        expect(await look(store, clock, again.value.live.id), what).toEqual(kept);
        expect(await aliveIds(store), what).toHaveLength(1);
      },
    );
  });

  test("leaves one of two ids alive when another server has stored something", async () => {
    await eachFault(
      async ({ store, clock, live }) => {
        const { sessions } = createServer(store, clock);
        const other = expectLive(await sessions.open(live.id, new Holder()));
        other.data["theirs"] = 1;
        await sessions.save(other);
      },
      ({ server, live, holder }) => server.sessions.regenerate(live, holder),
      async ({ server, live, store, clock }, outcome, _, what) => {
        server.watch.look();
        await clock.settle();
        const [id, ...more] = await aliveIds(store);
        expect(more, what).toEqual([]);
        expect(id, what).toBe(outcome.code === undefined ? outcome.value.live.id : live.id);
        expect(
          [
            { ...old, theirs: 1 },
            { ...later, theirs: 1 },
          ],
          what,
        ).toContainEqual(await look(store, clock, id!));
      },
    );
  });

  test("keeps the session of a client that has gone meanwhile, and forgets it here in the end", async () => {
    await eachFault(
      nothing,
      async ({ server, live, holder }) => {
        const made = server.sessions.regenerate(live, holder);
        server.sessions.release(live, holder);
        return made;
      },
      async ({ server, live, store, clock }, outcome, _, what) => {
        server.watch.look();
        await clock.settle();
        if (outcome.code === undefined) return;
        expect(server.sessions.live.size, what).toBe(0);
        expect(await aliveIds(store), what).toEqual([live.id]);
        expect([old, later], what).toContainEqual(await look(store, clock, live.id));
      },
    );
  });

  test.each<[string, (server: TestServer, live: LiveSession) => Promise<unknown>]>([
    ["saved", ({ sessions }, live) => sessions.save(live)],
    ["read again", ({ sessions }, live) => sessions.refresh(live)],
    ["opened again", ({ sessions }, live) => sessions.open(live.id, new Holder())],
    ["ended", ({ sessions }, live) => sessions.destroy(live)],
  ])("lets a session be %s that could not get a new id", async (what, next) => {
    await eachFault(
      nothing,
      ({ server, live, holder }) => server.sessions.regenerate(live, holder),
      async ({ server, live, store, clock, finish }, outcome, _, when) => {
        if (outcome.code === undefined) return;
        expect((await finish(next(server, live))).code, when).toBeUndefined();
        expect(await aliveIds(store), when).toEqual(what === "ended" ? [] : [live.id]);
        const seen = await look(store, clock, live.id);
        expect(what === "ended" ? ["dead"] : [old], when).toContainEqual(seen);
      },
    );
  });

  test("does not bring about afterwards what it was too late for", async () => {
    await eachFault(
      nothing,
      ({ server, live, holder }) => server.sessions.regenerate(live, holder),
      async ({ server, live, store, clock, finish }, outcome, _, what) => {
        expect(outcome.code, what).toBe("unavailable");
        server.watch.look();
        await clock.settle();
        await store.late();
        expect(await look(store, clock, live.id), what).toEqual(old);
        live.data = structuredClone(later);
        expect(await finish(server.sessions.save(live)), what).toEqual({ value: undefined });
        expect(await look(store, clock, live.id), what).toEqual(later);
      },
      ["comes late"],
    );
  });

  test("lets what comes late from a save do no harm", async () => {
    await eachFault(
      nothing,
      ({ server, live }) => server.sessions.save(live),
      async ({ server, live, store, clock, finish }, _, __, what) => {
        expect(await finish(server.sessions.save(live)), what).toEqual({ value: undefined });
        live.data["n"] = 3;
        expect(await finish(server.sessions.save(live)), what).toEqual({ value: undefined });
        await store.late();
        expect(await look(store, clock, live.id), what).toEqual({ ...later, n: 3 });
      },
      ["comes late"],
    );
  });

  test("leaves a session dead or as it was when it is ended, and another try ends it", async () => {
    await eachFault(
      nothing,
      ({ server, live, holder }) => server.sessions.destroy(live, holder),
      async ({ server, live, store, clock, holder, finish }, outcome, _, what) => {
        const seen = await look(store, clock, live.id);
        if (outcome.code === undefined) expect(seen, what).toBe("dead");
        else {
          expect(["dead", old], what).toContainEqual(seen);
          expect([live.data, holder.ends], what).toEqual([later, []]);
          expect(await finish(server.sessions.destroy(live, holder)), what).toEqual({ value: undefined });
        }
        expect([await look(store, clock, live.id), holder.ends], what).toEqual(["dead", [["destroyed", true]]]);
        expect(await aliveIds(store), what).toEqual([]);
      },
    );
  });

  test("leaves what is not stored yet where ending comes to nothing", async () => {
    const { server, live, store, clock } = await setUp();
    const { sessions } = createServer(store, clock);
    const other = expectLive(await sessions.open(live.id, new Holder()));
    other.data["n"] = 5;
    await sessions.save(other);
    store.plan(3, "fails before");
    await expect(server.sessions.destroy(live)).rejects.toMatchObject({ code: "unavailable" });
    expect(live.data).toEqual(later);
  });

  test("keeps nobody who could not open a session", async () => {
    await eachFault(
      async ({ store, clock, live, server, holder }) => {
        await server.sessions.save(live);
        server.sessions.release(live, holder);
        return createServer(store, clock);
      },
      ({ live }, { sessions }) => sessions.open(live.id, new Holder()),
      async ({ live, finish }, outcome, { sessions }, what) => {
        expect(sessions.live.size, what).toBe(outcome.code === undefined ? 1 : 0);
        const again = await finish(sessions.open(live.id, new Holder()));
        expect(again.code, what).toBeUndefined();
        expect(sessions.live.get(live.id)?.data, what).toEqual(later);
      },
    );
  });

  test("leaves what was read before, and is read again", async () => {
    await eachFault(
      async ({ store, clock, live }) => {
        const { sessions } = createServer(store, clock);
        const other = expectLive(await sessions.open(live.id, new Holder()));
        other.data["theirs"] = 1;
        await sessions.save(other);
      },
      ({ server, live }) => server.sessions.refresh(live),
      async ({ server, live, finish }, _, __, what) => {
        expect([later, { ...later, theirs: 1 }], what).toContainEqual(live.data);
        expect(await finish(server.sessions.refresh(live)), what).toEqual({ value: undefined });
        expect(live.data, what).toEqual({ ...later, theirs: 1 });
      },
    );
  });

  test.each(["idle", "ttl"] as const)("ends nothing by halves whose time is over, by %s", async (limit) => {
    await eachFault(
      async (stage) => {
        stage.server = createServer(stage.store, stage.clock, { [limit]: 1_000 });
        stage.holder = new Holder();
        stage.live = expectLive(await stage.server.sessions.open(stage.live.id, stage.holder));
        await stage.clock.advance(1_000);
      },
      ({ server, live }) => server.sessions.expire(live),
      async ({ server, live, holder, store, finish }, _, __, what) => {
        if (live.end === undefined) {
          expect([holder.ends, live.data], what).toEqual([[], old]);
          expect((await finish(server.sessions.expire(live))).code, what).toBeUndefined();
        }
        expect([live.end, live.data, holder.ends], what).toEqual(["expired", {}, [["expired", false]]]);
        for (const id of await store.ids()) {
          expect(await finish(server.sessions.open(id, new Holder())), what).toEqual({ value: "dead" });
        }
      },
    );
  });

  test("trades no ticket twice, and keeps the new id alive", async () => {
    await eachFault(
      async ({ server, live, holder }) => server.sessions.regenerate(live, holder),
      ({ server, live }, { ticket }) => server.sessions.redeem(live.id, ticket),
      async ({ server, live, store, clock, finish }, outcome, { live: fresh, ticket }, what, fault) => {
        expect(await look(store, clock, fresh.id), what).toEqual(later);
        expect(await look(store, clock, live.id), what).toBe("moving");
        const again = await finish(server.sessions.redeem(live.id, ticket));
        const given = [outcome, again].filter(
          ({ code, ...rest }) => code === undefined && "value" in rest && rest.value,
        );
        // Where it hangs after it has taken the ticket, nobody can know: once at most.
        expect(given.length, what).toBeLessThanOrEqual(1);
        if (fault !== "hangs after") expect(given, what).toEqual([{ value: fresh.id }]);
      },
    );
  });
});

test("a store that hangs keeps those who wait in a line for one deadline, and not for one each", async () => {
  const { clock, server, live, store } = await setUp();
  store.read = () => new Promise(() => {});
  store.write = () => new Promise(() => {});
  const codes: string[] = [];
  for (let at = 0; at < 20; at++) server.sessions.save(live).catch((error: { code: string }) => codes.push(error.code));
  await clock.advance(2_999);
  expect(codes).toEqual([]);
  await clock.advance(1);
  expect(codes).toEqual(Array(20).fill("unavailable"));
});
