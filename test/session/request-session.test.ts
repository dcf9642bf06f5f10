import { Hono } from "hono";
import { createStorage } from "unstorage";
import { describe, expect, test } from "vitest";
import { prism, PrismError, type PrismOptions } from "../../mod.ts";
import { sessions, type SessionEnv } from "../../src/http/sessions.ts";
import type { RequestSession } from "../../src/session/request-session.ts";
import type { SessionGate } from "../../src/session/session-gate.ts";
import { admit, FakeServerClock, RawPeer } from "../server/raw.ts";
import { FaultyStore, Holder } from "./servers.ts";

const secret = "a secret of the tests that is long enough";
const older = "an older secret of the tests, long enough";

function setUp(options: NonNullable<PrismOptions["session"]> = {}, more: PrismOptions = {}) {
  const clock = new FakeServerClock();
  const store = new FaultyStore();
  const app = prism({ clock, session: { storage: store, secret, ...options }, ...more });
  const gate = app.sessions["~gate"] as SessionGate;

  function open(cookie?: string, url = "http://localhost/"): Promise<RequestSession> {
    return app.sessions.open(new Request(url, { headers: cookie === undefined ? {} : { cookie } }));
  }

  /** A cookie of a session that is stored. */
  async function begin(data: object = { n: 1 }): Promise<{ id: string; cookie: string }> {
    const visit = await open();
    Object.assign(visit.session.data, data);
    return { id: visit.session.id, cookie: toPair(await visit.finish()) };
  }

  async function join(cookie: string) {
    const peer = new RawPeer(clock);
    (await admit(app, { protocols: "prism.1", headers: { cookie } })).open(peer.far);
    await peer.say("%@");
    return peer;
  }
  return { clock, store, app, gate, live: gate.sessions.live, open, begin, join };
}

function toPair(cookie: string | undefined | null): string {
  return /^[^;]+/.exec(cookie ?? "")![0];
}

const cleared = "prism.sid=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax";
const code = (code: string): unknown => expect.objectContaining({ code });

describe("the session of a request", () => {
  test("without a cookie is new, empty, and leaves nothing behind", async () => {
    const { open, live, store } = setUp();
    const visit = await open();
    expect(visit.session.id).toMatch(/^[\w-]{22}$/);
    expect(visit.session.data).toEqual({});
    expect(await visit.finish()).toBeUndefined();
    expect([live.size, await store.ids()]).toEqual([0, []]);
  });

  test("is stored when something was put into it, and its cookie is set once", async () => {
    const { open, live, gate } = setUp();
    const visit = await open();
    const { id } = visit.session;
    visit.session.data["n"] = 1;
    const cookie = await visit.finish();
    expect(cookie).toBe(
      `prism.sid=${encodeURIComponent(await gate.signer.sign(id))}; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax`,
    );
    const again = await open(toPair(cookie));
    expect([again.session.id, again.session.data]).toEqual([id, { n: 1 }]);
    again.session.data["n"] = 2;
    expect(await again.finish()).toBeUndefined();
    const last = await open(toPair(cookie));
    expect(last.session.data).toEqual({ n: 2 });
    expect(await last.finish()).toBeUndefined();
    expect(live.size).toBe(0);
  });

  test("writes nothing where nothing has changed", async () => {
    const { open, begin, store } = setUp();
    const { cookie } = await begin({ deep: { list: [1] } });
    const before = store.writes;
    const visit = await open(cookie);
    visit.session.data["deep"] = { list: [1] };
    await visit.finish();
    expect(store.writes).toBe(before);
  });

  test("is stored where a part of it has changed deep within", async () => {
    const { open, begin } = setUp();
    const { cookie } = await begin({ deep: { list: [1] } });
    const visit = await open(cookie);
    (visit.session.data["deep"] as { list: number[] }).list.push(2);
    await visit.finish();
    expect((await open(cookie)).session.data).toEqual({ deep: { list: [1, 2] } });
  });

  test("that is emptied is stored no more, and stays the same one", async () => {
    const { open, begin, store } = setUp();
    const { cookie, id } = await begin();
    const visit = await open(cookie);
    visit.session.data = {};
    expect(await visit.finish()).toBeUndefined();
    expect(await store.ids()).toEqual([]);
    expect((await open(cookie)).session.id).toBe(id);
  });

  test("cannot be replaced by what is no object", async () => {
    const { session } = await setUp().open();
    for (const wrong of [null, undefined, [], "x", 1]) {
      expect(() => (session.data = wrong as never)).toThrow(TypeError);
    }
  });

  test.each(["", "garbage", "s:x.y", `s:${"A".repeat(22)}.${"A".repeat(43)}`, "%", `s:${"A".repeat(10_000)}`])(
    "with the cookie %j is another one, with an id of the server's",
    async (value) => {
      const { open, store } = setUp();
      const visit = await open(`prism.sid=${encodeURIComponent(value)}; prism.sid=${value}`);
      expect(value).not.toContain(visit.session.id);
      expect(store.reads, "nothing is looked up that we have not signed").toBe(0);
      visit.session.data["n"] = 1;
      expect(await visit.finish()).toContain(encodeURIComponent(`s:${visit.session.id}.`));
    },
  );

  test("is that of the first good cookie, whatever others there are", async () => {
    const { open, begin, gate } = setUp();
    const { cookie, id } = await begin();
    const gone = await begin();
    const dead = await open(gone.cookie);
    await dead.session.destroy();
    await dead.finish();
    const visit = await open(`prism.sid=evil; ${gone.cookie}; ${cookie}`);
    expect([visit.session.id, visit.session.data]).toEqual([id, { n: 1 }]);
    expect([...gate.sessions.live.keys()]).toEqual([id]);
  });

  test("gets its cookie anew when the secret was replaced", async () => {
    const old = setUp({ secret: older });
    const { cookie, id } = await old.begin();
    const { open, gate } = setUp({ storage: old.store, secret: [secret, older] });
    const visit = await open(cookie);
    expect(visit.session.data).toEqual({ n: 1 });
    const renewed = await visit.finish();
    expect(toPair(renewed)).toBe(`prism.sid=${encodeURIComponent(await gate.signer.sign(id))}`);
    expect(await (await open(toPair(renewed))).finish()).toBeUndefined();
  });

  test("has a cookie for https where the request came so, or the app says so", async () => {
    const { open } = setUp();
    const visit = await open(undefined, "https://localhost/");
    visit.session.data["n"] = 1;
    expect(await visit.finish()).toMatch(/^__Host-prism\.sid=.*; Secure$/);
    const behind = setUp({}, { url: "https://app.example" });
    const other = await behind.open();
    other.session.data["n"] = 1;
    expect(await other.finish()).toMatch(/^__Host-prism\.sid=.*; Secure$/);
  });

  test("is its connections' as soon as it is stored, and nobody else's before", async () => {
    const { open, begin, join, live } = setUp();
    const { cookie, id } = await begin();
    await join(cookie);
    const visit = await open(cookie);
    visit.session.data["seen"] = "at once";
    expect(live.get(id)?.data).toEqual({ n: 1 });
    await visit.session.save();
    expect(live.get(id)?.data).toEqual({ n: 1, seen: "at once" });
    await visit.finish();
    expect(live.get(id)?.holders.size, "the connection's").toBe(1);
  });

  test("that has only looked stores nothing of what others have not stored", async () => {
    const { open, begin, join, live, store } = setUp();
    const { cookie, id } = await begin();
    await join(cookie);
    live.get(id)!.data["user"] = "half";
    const visit = await open(cookie);
    expect(visit.session.data).toEqual({ n: 1 });
    await visit.finish();
    expect((await store.inner.read(id))?.data).toEqual({ n: 1 });
    expect(live.get(id)?.data).toEqual({ n: 1, user: "half" });
  });

  test("tells of a conflict, and then has what is stored", async () => {
    const { open, begin, store, gate } = setUp();
    const { cookie, id } = await begin();
    const visit = await open(cookie);
    visit.session.data["n"] = 2;
    const other = setUp({ storage: store });
    const there = await other.open(cookie);
    there.session.data["n"] = 3;
    await there.finish();
    await expect(visit.session.save()).rejects.toEqual(code("conflict"));
    expect(visit.session.data).toEqual({ n: 3 });
    visit.session.data["n"] = 4;
    await visit.finish();
    expect((await store.inner.read(id))?.data).toEqual({ n: 4 });
    expect(gate.sessions.live.size).toBe(0);
  });
});

describe("a login", () => {
  test("sets the cookie of the new id, closes the old one's connections, and leaves the old one dead", async () => {
    const { open, begin, join, live, store } = setUp();
    const { cookie, id } = await begin();
    const peer = await join(cookie);
    const visit = await open(cookie);
    visit.session.data["user"] = "Ada";
    await visit.session.regenerate();
    expect(visit.session.id).not.toBe(id);
    expect(visit.session.data).toEqual({ n: 1, user: "Ada" });
    expect(await peer.say()).toEqual([]);
    expect(peer.closings).toEqual([{ code: 4004, reason: "Session ended" }]);
    visit.session.data["more"] = 1;
    const fresh = await visit.finish();
    expect(toPair(fresh)).not.toBe(cookie);
    expect(live.size).toBe(0);
    expect((await open(toPair(fresh))).session.data).toEqual({ n: 1, user: "Ada", more: 1 });
    const old = await open(cookie);
    expect([old.session.id === id, old.session.data]).toEqual([false, {}]);
    expect((await store.read(id))?.data).toEqual({});
  });

  test("of a session that is new stores it, and its cookie is the new one's alone", async () => {
    const { open, live } = setUp();
    const visit = await open();
    const { id } = visit.session;
    visit.session.data["user"] = "Ada";
    await visit.session.regenerate();
    const cookie = await visit.finish();
    expect(cookie).toContain(encodeURIComponent(`s:${visit.session.id}.`));
    expect(cookie).not.toContain(id);
    expect(live.size).toBe(0);
  });

  test("that is not waited for leaves nothing behind", async () => {
    const { open, begin, live } = setUp();
    const { cookie } = await begin();
    const visit = await open(cookie);
    const login = visit.session.regenerate();
    await visit.finish();
    await login;
    await Promise.resolve();
    expect(live.size).toBe(0);
  });

  test("that fails leaves the session as it was", async () => {
    const { open, begin, live, store, clock } = setUp();
    const { cookie, id } = await begin();
    const visit = await open(cookie);
    store.plan(2, "fails after");
    await expect(visit.session.regenerate()).rejects.toEqual(code("unavailable"));
    store.heal();
    expect(visit.session.id).toBe(id);
    expect(await visit.finish()).toBeUndefined();
    await clock.settle();
    expect(live.size).toBe(0);
    expect((await open(cookie)).session.data).toEqual({ n: 1 });
  });
});

describe("a logout", () => {
  test("takes the cookie back, and closes the connections at once", async () => {
    const { open, begin, join, live } = setUp();
    const { cookie, id } = await begin();
    const peer = await join(cookie);
    const visit = await open(cookie);
    await visit.session.destroy();
    await peer.say();
    expect(peer.closings).toEqual([{ code: 1008, reason: "Session ended" }]);
    expect(visit.session.data).toEqual({});
    visit.session.data["late"] = 1;
    expect(await visit.finish()).toBe(cleared);
    expect(live.size).toBe(0);
    expect((await open(cookie)).session.id).not.toBe(id);
  });

  test("by another request sets no cookie, and stores nothing any more", async () => {
    const { open, begin, store } = setUp({ secret: [secret, older] });
    const { cookie, id } = await begin();
    const [one, two] = [await open(cookie), await open(cookie)];
    two.session.data["late"] = 1;
    await one.session.destroy();
    expect(await two.finish()).toBeUndefined();
    expect(await one.finish()).toBe(cleared);
    expect((await store.read(id))?.data).toEqual({});
  });

  test.each(["destroy", "regenerate"] as const)(
    "or login (%s) by another request lets nobody set the dead id's cookie",
    async (end) => {
      const old = setUp({ secret: older });
      const { cookie } = await old.begin();
      // The cookie is to be renewed, since the secret was replaced.
      const { open } = setUp({ storage: old.store, secret: [secret, older] });
      const [one, two] = [await open(cookie), await open(cookie)];
      await one.session[end]();
      expect(await one.finish()).toBeTypeOf("string");
      expect(await two.finish(), "it would take the place of the other's").toBeUndefined();
    },
  );
});

describe("a store that is down", () => {
  test("fails the opening of a session that is somebody's, and of no other", async () => {
    const { open, begin, store, live } = setUp();
    const { cookie } = await begin();
    store.down = true;
    await expect(open(cookie)).rejects.toEqual(code("unavailable"));
    expect(live.size).toBe(0);
    const visit = await open();
    expect(await visit.finish()).toBeUndefined();
  });

  test("fails what is to be stored, and lets go of the session all the same", async () => {
    const { open, begin, store, live } = setUp();
    const { cookie } = await begin();
    const visit = await open(cookie);
    visit.session.data["n"] = 2;
    store.down = true;
    await expect(visit.finish()).rejects.toEqual(code("unavailable"));
    expect(live.size).toBe(0);
    store.heal();
    const wrong = await open(cookie);
    wrong.session.data["n"] = 1n;
    await expect(wrong.finish()).rejects.toThrow(TypeError);
    expect(live.size).toBe(0);
  });
});

test("a session that is changed by two requests at once loses nothing", async () => {
  const { open, begin } = setUp();
  const { cookie } = await begin();
  const visits = await Promise.all([1, 2, 3].map(() => open(cookie)));
  for (const [at, { session }] of visits.entries()) session.data[`k${at}`] = at;
  await Promise.all(visits.map((visit) => visit.finish()));
  expect((await open(cookie)).session.data).toEqual({ n: 1, k0: 0, k1: 1, k2: 2 });
});

test("an app that keeps no sessions says so", async () => {
  const app = prism({ session: false });
  await expect((async () => app.sessions.open(new Request("http://localhost/")))()).rejects.toThrow(
    new TypeError("This app keeps no sessions"),
  );
});

describe("the middleware for Hono", () => {
  interface Data {
    n?: number;
    user?: string;
  }

  function serve(build: (web: Hono<SessionEnv<Data>>) => unknown, options?: Parameters<typeof setUp>[0]) {
    const stage = setUp(options);
    const web = new Hono<SessionEnv<Data>>().use(sessions<Data>(stage.app as never));
    build(web);
    const ask = (path: string, cookie?: string): Promise<Response> =>
      Promise.resolve(web.request(path, { headers: cookie === undefined ? {} : { cookie } }));
    return { ...stage, web, ask };
  }
  const login = (web: Hono<SessionEnv<Data>>): unknown =>
    web
      .get("/look", (context) => context.json(context.var.session.data))
      .get("/put", (context) => {
        context.var.session.data.n = (context.var.session.data.n ?? 0) + 1;
        return context.text("done");
      });

  test("stores what a route has changed, and sets the cookie once", async () => {
    const { ask, live } = serve(login);
    expect((await ask("/look")).headers.getSetCookie()).toEqual([]);
    const first = await ask("/put");
    expect(await first.text()).toBe("done");
    const [cookie, ...more] = first.headers.getSetCookie();
    expect(more).toEqual([]);
    const second = await ask("/put", toPair(cookie));
    expect(second.headers.getSetCookie()).toEqual([]);
    expect(await (await ask("/look", toPair(cookie))).json()).toEqual({ n: 2 });
    expect(live.size).toBe(0);
  });

  test("keeps other cookies, and what is not a page", async () => {
    const { ask } = serve((web) =>
      web
        .get("/cookies", (context) => {
          context.header("set-cookie", "a=1", { append: true });
          context.header("set-cookie", "b=2", { append: true });
          context.var.session.data.n = 1;
          return context.body(null, 204);
        })
        .get("/away", (context) => {
          context.var.session.data.n = 1;
          return context.redirect("/look");
        }),
    );
    const response = await ask("/cookies");
    expect(response.status).toBe(204);
    expect(response.headers.getSetCookie().map((cookie) => cookie.slice(0, 3))).toEqual(["a=1", "b=2", "pri"]);
    const away = await ask("/away");
    expect([away.status, away.headers.get("location"), away.headers.getSetCookie().length]).toEqual([302, "/look", 1]);
  });

  test("sets its cookie on a response that others have made, and whose headers cannot change", async () => {
    const { ask } = serve((web) =>
      web.get("/other", async (context) => {
        context.var.session.data.n = 1;
        const made = Response.redirect("http://localhost/look");
        expect(() => made.headers.append("a", "b")).toThrow(TypeError);
        return made;
      }),
    );
    const response = await ask("/other");
    expect([response.status, response.headers.getSetCookie().length]).toEqual([302, 1]);
  });

  test.each([
    ["an error", () => new Error("why"), 500],
    ["an error for the client", () => new PrismError("not_found"), 500],
  ])("stores and lets go after a route threw %s, and the answer has the cookie", async (_, make, status) => {
    const { ask, live } = serve((web) =>
      web
        .get("/fails", (context) => {
          context.var.session.data.n = 1;
          throw make();
        })
        .get("/look", (context) => context.json(context.var.session.data))
        .onError((error, context) => context.text(`Sorry: ${error.message}`, 500)),
    );
    const response = await ask("/fails");
    expect(response.status).toBe(status);
    expect(await response.text()).toMatch(/^Sorry/);
    const [cookie] = response.headers.getSetCookie();
    expect(live.size).toBe(0);
    // What express-session does, too: the session is stored whenever a response ends.
    expect(await (await ask("/look", toPair(cookie))).json()).toEqual({ n: 1 });
  });

  test("lets go after a route threw what is no error", async () => {
    const { ask, live } = serve((web) =>
      web.get("/fails", () => {
        // oxlint-disable-next-line typescript/only-throw-error -- routes do
        throw "text";
      }),
    );
    await expect((async () => ask("/fails"))()).rejects.toBe("text");
    expect(live.size).toBe(0);
  });

  test("clears the cookie at a logout, and sets the new one at a login", async () => {
    const { ask, live } = serve((web) =>
      web
        .get("/login", async (context) => {
          context.var.session.data.user = "Ada";
          await context.var.session.regenerate();
          return context.text(context.var.session.id);
        })
        .get("/logout", async (context) => {
          await context.var.session.destroy();
          return context.text("bye");
        })
        .get("/look", (context) => context.json(context.var.session.data)),
    );
    const login = await ask("/login");
    const cookie = toPair(login.headers.getSetCookie()[0]);
    expect(decodeURIComponent(cookie)).toContain(await login.text());
    expect(await (await ask("/look", cookie)).json()).toEqual({ user: "Ada" });
    const again = await ask("/login", cookie);
    const next = toPair(again.headers.getSetCookie()[0]);
    expect(await (await ask("/look", cookie)).json()).toEqual({});
    const logout = await ask("/logout", next);
    expect(logout.headers.getSetCookie()).toEqual([cleared]);
    expect(await (await ask("/look", next)).json()).toEqual({});
    expect(live.size).toBe(0);
  });

  test("stands before other middleware, which sees the same session", async () => {
    const seen: unknown[] = [];
    const { ask, live } = serve((web) =>
      web
        .use(async (context, next) => {
          seen.push(context.var.session);
          context.var.session.data.n = 1;
          await next();
          context.var.session.data.user = "after";
        })
        .get("/it", (context) => {
          seen.push(context.var.session);
          return context.text("it");
        })
        .get("/look", (context) => context.json(context.var.session.data)),
    );
    const response = await ask("/it");
    expect(seen[0]).toBe(seen[1]);
    const cookie = toPair(response.headers.getSetCookie()[0]);
    expect(await (await ask("/look", cookie)).json()).toEqual({ n: 1, user: "after" });
    expect(live.size).toBe(0);
  });

  test("lets a client look that is about to get another cookie, and sets none in its way", async () => {
    const { ask, open, begin, clock } = serve(login);
    const { cookie } = await begin({ n: 5 });
    const visit = await open(cookie);
    await visit.session.regenerate();
    const look = await ask("/look", cookie);
    expect([await look.json(), look.headers.getSetCookie()]).toEqual([{}, []]);
    const put = await ask("/put", cookie);
    expect([put.status, put.headers.getSetCookie()]).toEqual([503, []]);
    const next = toPair(await visit.finish());
    expect(await (await ask("/look", next)).json()).toEqual({ n: 5 });
    // After that time it is a visitor like any other.
    await clock.advance(10_000);
    expect((await ask("/put", cookie)).headers.getSetCookie()).toHaveLength(1);
  });

  test("answers 503 and sets no cookie where the session cannot be stored, or read", async () => {
    const { ask, begin, live, store } = serve(login);
    const { cookie } = await begin({ n: 5 });
    store.down = true;
    for (const response of [await ask("/put"), await ask("/look", cookie)]) {
      const answer = [response.status, await response.text(), response.headers.getSetCookie()];
      expect(answer).toEqual([503, "The session store does not answer", []]);
    }
    expect(live.size).toBe(0);
  });

  test("sees what a connection has stored, and the other way round", async () => {
    const { ask, begin, join, app } = serve(login);
    const { cookie } = await begin({ n: 5 });
    const connections: { session: { data: Data; save(): Promise<void> } }[] = [];
    app.events.on("connect", (connection) => connections.push(connection as never));
    await join(cookie);
    const { session } = connections[0]!;
    session.data.user = "Ada";
    await session.save();
    expect(await (await ask("/look", cookie)).json()).toEqual({ n: 5, user: "Ada" });
    session.data.user = "unsaved";
    await ask("/put", cookie);
    expect(session.data).toEqual({ n: 6, user: "unsaved" });
  });
});

test("a session that somebody else holds is not let go of by a request", async () => {
  const { open, begin, gate } = setUp();
  const { cookie, id } = await begin();
  const holder = new Holder();
  await gate.sessions.open(id, holder);
  await (await open(cookie)).finish();
  expect([...gate.sessions.live.get(id)!.holders]).toEqual([holder]);
});

test("sessions in unstorage and their cookies come back after a restart", async () => {
  const storage = createStorage();
  const first = setUp({ storage });
  const { cookie } = await first.begin();
  await first.app.close();
  const second = setUp({ storage });
  expect((await second.open(cookie)).session.data).toEqual({ n: 1 });
});
