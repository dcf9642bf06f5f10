import express from "express";
import session from "express-session";
import passport, { Passport } from "passport";
import { Strategy } from "passport-local";
import { createStorage } from "unstorage";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { prism } from "../../mod.ts";
import { expressSession } from "../../src/session/express.ts";
import { openStore } from "../../src/session/open-store.ts";
import type { SessionStore } from "../../src/session/session-store.ts";
import { Browser, createStage, latch, older, secret, seen } from "./express-stage.ts";

const name = "prism.sid";

describe("the options", () => {
  afterEach(() => vi.unstubAllEnvs());

  test("are complete", () => {
    const app = prism({ session: { secret: [secret, older], ttl: 60_000, cookie: { domain: "app.example" } } });
    const { store, genid, ...rest } = expressSession(app);
    expect(rest).toEqual({
      name,
      secret: [secret, older],
      cookie: {
        path: "/",
        httpOnly: true,
        secure: false,
        sameSite: "lax",
        domain: "app.example",
        maxAge: 60_000,
      },
      resave: false,
      saveUninitialized: false,
    });
    expect(store).toBeInstanceOf(session.Store);
    expect(genid?.(undefined as never)).toMatch(/^[\w-]{22}$/);
  });

  test.each([
    [{ url: "https://app.example" }, "__Host-prism.sid", true],
    [{ url: "http://app.example" }, name, false],
    [{ session: { secret, cookie: { secure: true, name: "sid" } } }, "__Host-sid", true],
    [{ session: { secret, cookie: { secure: true, domain: "app.example" } } }, name, true],
    [{ session: { secret, cookie: { sameSite: "none" } } }, "__Host-prism.sid", true],
    [{ url: "https://app.example", session: { secret, cookie: { secure: false } } }, name, false],
  ] as const)("%j say what the cookie is called", (options, name, secure) => {
    vi.stubEnv("NODE_ENV", "production");
    const given = expressSession(prism({ session: { secret }, ...options }));
    expect(given).toMatchObject({ name, cookie: { secure } });
  });

  test("in production have to say whether browsers come over https", () => {
    vi.stubEnv("NODE_ENV", "production");
    expect(() => expressSession(prism({ session: { secret } }))).toThrow(/prism\(\{ url: .*cookie: \{ secure: true/);
  });

  test("need sessions", () => {
    expect(() => expressSession(prism({ session: false }))).toThrow(new TypeError("This app keeps no sessions"));
  });
});

describe("one login", () => {
  test("by Express is seen by a socket that is open already, at once", async () => {
    const stage = await createStage();
    const ada = new Browser();
    const page = ada.connect(stage);
    const { id } = await page.look();
    expect([...ada.cookies.keys()]).toEqual([name]);
    expect(await ada.fetch(stage, "/save", { user: "ada" })).toEqual({ status: 200, id, data: { user: "ada" } });
    expect(await page.look()).toEqual({ id, data: { user: "ada" } });
    expect(page.closes).toEqual([]);
    // The cookie that Prism has set is good, and Express sets it anew, the same, with another expiry.
    expect(ada.cookies.size).toBe(1);
  });

  test("in the handler of a service is seen by Express at once, stored or not", async () => {
    const stage = await createStage();
    const ada = new Browser();
    const page = ada.connect(stage);
    await page.put({ step: 1 });
    const { id } = await page.look();
    expect(await ada.fetch(stage, "/look")).toEqual({ status: 200, id, data: { step: 1 } });
    await page.save({ user: "ada" });
    expect(await ada.fetch(stage, "/look")).toEqual({ status: 200, id, data: { step: 1, user: "ada" } });
  });

  test("by Express is there for a socket that opens later", async () => {
    const stage = await createStage();
    const ada = new Browser();
    const { id } = await ada.fetch(stage, "/login", { user: "ada" });
    const before = ada.header;
    expect(await ada.connect(stage).look()).toEqual({ id, data: { user: "ada" } });
    expect(ada.header).toBe(before);
  });

  test("is nobody else's", async () => {
    const stage = await createStage();
    const [ada, eve] = [new Browser(), new Browser()];
    await ada.fetch(stage, "/login", { user: "ada" });
    expect((await eve.fetch(stage, "/look")).data).toEqual({});
    expect((await eve.connect(stage).look()).data).toEqual({});
  });

  test("sets no cookie and stores nothing where nothing is said", async () => {
    const storage = createStorage();
    const stage = await createStage({ storage });
    const ada = new Browser();
    await ada.fetch(stage, "/look");
    expect(ada.set).toEqual([]);
    ada.connect(stage);
    await ada.fetch(stage, "/look");
    expect(await storage.getKeys()).toEqual([]);
  });
});

describe("the cookie", () => {
  test("is as Prism sets it", async () => {
    const stage = await createStage({ ttl: 3_600_000 });
    const ada = new Browser();
    await ada.fetch(stage, "/save", { a: 1 });
    const [cookie = ""] = ada.set;
    const [value, ...attributes] = cookie.split("; ");
    expect(value).toMatch(/^prism\.sid=s%3A[\w-]{22}\.[\w%]+$/);
    expect(attributes.toSorted()).toEqual([expect.stringMatching(/^Expires=/), "HttpOnly", "Path=/", "SameSite=Lax"]);
    const left = Date.parse(attributes.find((one) => one.startsWith("Expires"))?.slice(8) ?? "") - Date.now();
    expect(left / 3_600_000).toBeCloseTo(1, 1);
  });

  test.each([
    ["Express", (ada: Browser, stage: Awaited<ReturnType<typeof createStage>>) => ada.fetch(stage, "/save", { n: 1 })],
    [
      "Prism",
      async (ada: Browser, stage: Awaited<ReturnType<typeof createStage>>) => ada.connect(stage).save({ n: 1 }),
    ],
  ])("of %s is good for both, and while its secret is replaced", async (_, begin) => {
    const storage = createStorage();
    const before = await createStage({ storage, secret: older });
    const ada = new Browser();
    await begin(ada, before);
    const old = ada.header;

    const between = await createStage({ storage, secret: [secret, older] });
    const { id, data } = await ada.fetch(between, "/look");
    expect(data).toEqual({ n: 1 });
    expect(await ada.connect(between).look()).toEqual({ id, data });
    expect(ada.header).not.toBe(old); // Prism signs it anew,

    const after = await createStage({ storage, secret });
    expect(await ada.fetch(after, "/look")).toEqual({ status: 200, id, data });
    expect(await ada.connect(after).look()).toEqual({ id, data });
    const late = new Browser();
    late.cookies.set(name, old.slice(name.length + 1));
    expect((await late.fetch(after, "/look")).data).toEqual({}); // and what was not is void.
  });

  test("is for https alone, under a name that no other host can set, where browsers come over https", async () => {
    const stage = await createStage({
      url: "https://app.example",
      route: (web) => web.set("trust proxy", true),
    });
    const ada = new Browser();
    const headers = { "x-forwarded-proto": "https", "content-type": "application/json" };
    const body = JSON.stringify({ user: "ada" });
    const { headers: answered } = await fetch(`${stage.url}/login`, { method: "POST", headers, body });
    ada.take(answered.getSetCookie());
    expect(ada.set).toEqual([expect.stringMatching(/^__Host-prism\.sid=.*; Secure/)]);
    expect((await ada.connect(stage).look()).data).toEqual({ user: "ada" });
    const eve = new Browser();
    await eve.connect(stage).save({ user: "eve" });
    expect(eve.set).toEqual([expect.stringMatching(/^__Host-prism\.sid=.*; Secure/)]);
    expect((await eve.fetch(stage, "/look")).data).toEqual({ user: "eve" });
  });

  test.each([
    ["another id", (value: string) => value.replace(/^s%3A./, (start) => (start.endsWith("A") ? "s%3AB" : "s%3AA"))],
    ["no signature", (value: string) => value.slice(0, value.indexOf("."))],
    ["half a signature", (value: string) => value.slice(0, -10)],
    ["nothing", () => ""],
  ])("with %s is as good as none", async (_, spoil) => {
    const stage = await createStage();
    const ada = new Browser();
    const { id } = await ada.fetch(stage, "/login", { user: "ada" });
    const eve = new Browser();
    eve.cookies.set(name, spoil(ada.cookies.get(name) ?? ""));
    const answer = await eve.fetch(stage, "/look");
    expect(answer.data).toEqual({});
    expect(answer.id).not.toBe(id);
    expect((await eve.connect(stage).look()).data).toEqual({});
  });

  test("member of a session is kept, hidden from services, and not in the way of what they store", async () => {
    const storage = createStorage();
    const stage = await createStage({
      storage,
      route: (web) => {
        web.post("/remember", (request, response) => {
          request.session.cookie.maxAge = 1_000_000;
          request.session.save(() => response.end());
        });
        web.get("/age", (request, response) => {
          response.json({ id: String(request.session.cookie.originalMaxAge), data: {} });
        });
      },
    });
    const ada = new Browser();
    await ada.fetch(stage, "/save", { user: "ada" });
    const week = 7 * 86_400_000;
    expect((await ada.fetch(stage, "/age")).id).toBe(String(week));
    await ada.fetch(stage, "/remember", {}); // Nothing but the cookie changes.
    const page = ada.connect(stage);
    await page.save({ more: true });
    const { id, data } = await page.look();
    expect(data).toEqual({ user: "ada", more: true });
    expect((await ada.fetch(stage, "/age")).id).toBe("1000000");
    expect(await openStore(storage).read(id)).toMatchObject({ data, cookie: { originalMaxAge: 1_000_000, path: "/" } });
  });
});

describe("requests at the same time", () => {
  /** A route whose answer waits until it is let go, after the session was changed. */
  async function createSlow(options = {}) {
    const [begun, gate] = [latch(), latch()];
    const stage = await createStage({
      ...options,
      route: (web) => {
        web.post("/slow", (request, response) => {
          Object.assign(request.session, request.body);
          begun.open();
          void gate.opened.then(() => response.json(seen(request)));
        });
        web.post("/remove", (request, response) => {
          for (const key of Object.keys(request.body as object)) Reflect.deleteProperty(request.session, key);
          response.json(seen(request));
        });
      },
    });
    return { stage, begun, gate };
  }

  test("keep each other's keys, and a service's", async () => {
    const { stage, begun, gate } = await createSlow();
    const ada = new Browser();
    await ada.fetch(stage, "/save", { user: "ada", gone: 1, both: 0 });
    const page = ada.connect(stage);
    const slow = ada.fetch(stage, "/slow", { slow: 1, both: "slow" });
    await begun.opened;
    await ada.fetch(stage, "/save", { quick: 1, both: "quick" });
    await ada.fetch(stage, "/remove", { gone: true });
    await page.save({ socket: 1 });
    gate.open();
    await slow;
    // What the slow one has not changed it has not put back; of what both have changed, the last has won.
    const data = { user: "ada", quick: 1, socket: 1, slow: 1, both: "slow" };
    expect((await page.look()).data).toEqual(data);
    expect((await ada.fetch(stage, "/look")).data).toEqual(data);
  });

  test("store nothing in a session that another has ended, and fail at nothing", async () => {
    const { stage, begun, gate } = await createSlow();
    const ada = new Browser();
    await ada.fetch(stage, "/login", { user: "ada" });
    const slow = ada.fetch(stage, "/slow", { slow: 1 });
    await begun.opened;
    expect((await ada.fetch(stage, "/logout", {})).status).toBe(200);
    gate.open();
    expect((await slow).status).toBe(200);
    expect((await ada.fetch(stage, "/look")).data).toEqual({});
    expect(stage.errors).toEqual([]);
  });

  test("are held to what another server has stored: one conflict, and nothing is lost", async () => {
    const storage = createStorage();
    const store = openStore(storage);
    const { stage, begun, gate } = await createSlow({ storage: store });
    const other = await createStage({ storage: store });
    const ada = new Browser();
    await ada.fetch(stage, "/save", { user: "ada", key: 0 });
    const slow = ada.fetch(stage, "/slow", { key: "one", mine: 1 });
    await begun.opened;
    await ada.fetch(other, "/save", { key: "other" });
    gate.open();
    await slow.catch(() => {}); // Its answer was under way.
    await expect.poll(() => stage.errors).toEqual([expect.objectContaining({ code: "conflict" })]);
    expect((await ada.fetch(stage, "/look")).data).toEqual({ user: "ada", key: "other" });

    // Other keys are merged.
    const own = ada.fetch(stage, "/slow", { mine: 2 });
    await ada.fetch(other, "/save", { theirs: 2 });
    await own;
    expect((await ada.fetch(other, "/look")).data).toEqual({ user: "ada", key: "other", mine: 2, theirs: 2 });
    expect(stage.errors.length).toBe(1);
  });

  test("that nobody answers let go of the session, at the latest after a minute", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const stage = await createStage({
      route: (web) => {
        web.get("/never", (_, response) => void response.socket?.destroy());
      },
    });
    const gate = stage.app.sessions["~gate"] as { sessions: { live: Map<string, unknown> } };
    const ada = new Browser();
    await ada.fetch(stage, "/save", { user: "ada" });
    await vi.waitFor(() => expect(gate.sessions.live.size).toBe(0));
    await ada.fetch(stage, "/never").catch(() => {});
    expect(gate.sessions.live.size).toBe(1);
    await vi.advanceTimersByTimeAsync(61_000);
    expect(gate.sessions.live.size).toBe(0);
    expect((await ada.fetch(stage, "/look")).data).toEqual({ user: "ada" });
  });
});

describe("a new id", () => {
  test("leaves the old one behind, closes its sockets with 4004, and they come back with the new one", async () => {
    const stage = await createStage();
    const ada = new Browser();
    const page = ada.connect(stage);
    await page.save({ basket: 3 });
    const { id } = await page.look();
    const old = ada.header;

    const answer = await ada.fetch(stage, "/login", { user: "ada" });
    expect(answer.data).toEqual({ user: "ada" }); // As Express has it, a new session is empty.
    expect(answer.id).not.toBe(id);
    await expect.poll(() => page.closes.map(({ code }) => code)).toEqual([4004]);
    expect(await page.look()).toEqual({ id: answer.id, data: { user: "ada" } });
    expect((await ada.fetch(stage, "/look")).id).toBe(answer.id);

    const eve = new Browser();
    eve.cookies.set(name, old.slice(name.length + 1));
    expect((await eve.fetch(stage, "/look")).data).toEqual({});
  });

  test("keeps a socket out while its cookie is on the way, so that no other takes its place", async () => {
    const gate = latch();
    const stage = await createStage({
      route: (web) => {
        web.post("/late", (request, response) => {
          request.session.regenerate(async () => {
            Object.assign(request.session, { user: "ada" });
            await gate.opened;
            response.json(seen(request));
          });
        });
      },
    });
    const ada = new Browser();
    const page = ada.connect(stage);
    await page.look();
    const old = ada.header;
    const login = ada.fetch(stage, "/late", {});
    await expect.poll(() => page.closes.map(({ code }) => code)).toEqual([4004]);
    const failed: unknown[] = [];
    page.connection.on("failed", (error) => void failed.push(error));
    await expect.poll(() => failed.length).toBeGreaterThan(2);
    expect(ada.header).toBe(old);
    gate.open();
    const { id } = await login;
    expect(await page.look()).toEqual({ id, data: { user: "ada" } });
    expect(ada.set.length).toBe(2);
  });

  test("of a session that nobody has had marks nothing in the store", async () => {
    const storage = createStorage();
    const stage = await createStage({ storage });
    const { id } = await new Browser().fetch(stage, "/login", { user: "ada" });
    expect(await storage.getKeys()).toEqual([`prism-session:${id}`]);
    await new Browser().fetch(stage, "/logout", {});
    expect(await storage.getKeys()).toEqual([`prism-session:${id}`]);
  });
});

describe("a logout", () => {
  test("by Express closes all sockets of the session with 1008, within 250 ms", async () => {
    const stage = await createStage();
    const ada = new Browser();
    await ada.fetch(stage, "/login", { user: "ada" });
    const pages = [ada.connect(stage), ada.connect(stage)];
    for (const page of pages) await page.look();
    const old = ada.header;
    const started = performance.now();
    await ada.fetch(stage, "/logout", {});
    await expect.poll(() => pages.map(({ closes }) => closes.length), { interval: 5 }).toEqual([1, 1]);
    expect(performance.now() - started).toBeLessThan(250);
    for (const { closes } of pages) expect(closes).toEqual([{ code: 1008, reason: "Session ended" }]);
    // The cookie is still there, and good for nothing.
    expect(ada.header).toBe(old);
    expect((await ada.fetch(stage, "/look")).data).toEqual({});
    const page = ada.connect(stage);
    expect((await page.look()).data).toEqual({});
    expect(ada.header).not.toBe(old);
  });

  test("in the handler of a service is one for Express", async () => {
    const stage = await createStage();
    const ada = new Browser();
    const { id } = await ada.fetch(stage, "/login", { user: "ada" });
    const page = ada.connect(stage);
    await page.destroy();
    await expect.poll(() => page.closes).toEqual([{ code: 1008, reason: "Session ended" }]);
    const answer = await ada.fetch(stage, "/look");
    expect(answer.data).toEqual({});
    expect(answer.id).not.toBe(id);
  });
});

test("a session that nothing was heard of is over for Express, too", async () => {
  const stage = await createStage({ idle: 150 });
  const ada = new Browser();
  const { id } = await ada.fetch(stage, "/login", { user: "ada" });
  expect((await ada.fetch(stage, "/look")).id).toBe(id);
  await new Promise((resolve) => setTimeout(resolve, 250));
  expect((await ada.fetch(stage, "/look")).data).toEqual({});
});

test("requests keep a session alive", async () => {
  const stage = await createStage({ idle: 400 });
  const ada = new Browser();
  const { id } = await ada.fetch(stage, "/login", { user: "ada" });
  for (let i = 0; i < 8; i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await ada.fetch(stage, "/look")).toEqual({ status: 200, id, data: { user: "ada" } });
  }
});

describe("express-session's own methods", () => {
  test("reload and load give what is there now, and names that are its own members' stay untouched", async () => {
    const stage = await createStage({
      route: (web) => {
        web.get("/reload", (request, response) => {
          const load = (): void =>
            request.sessionStore.load(request.sessionID, (_, loaded) => {
              response.json({ ...seen(request), loaded: Object.keys(loaded ?? {}).toSorted() });
            });
          void page.save({ later: true }).then(() => request.session.reload(load));
        });
      },
    });
    const ada = new Browser();
    const page = ada.connect(stage);
    await page.save({ user: "ada", id: "of the app's own", save: 1 });
    const { id } = await page.look();
    const loaded = ["cookie", "later", "user"];
    expect(await ada.fetch(stage, "/reload")).toEqual({ status: 200, id, data: { user: "ada", later: true }, loaded });
    await ada.fetch(stage, "/save", { more: 1 });
    expect((await page.look()).data).toEqual({
      user: "ada",
      id: "of the app's own",
      save: 1,
      later: true,
      more: 1,
    });
  });

  test("what is removed, or set to undefined, is gone", async () => {
    const stage = await createStage({
      route: (web) => {
        web.post("/remove", (request, response) => {
          const data = request.session as unknown as Record<string, unknown>;
          delete data["a"];
          data["b"] = undefined;
          data["c"] = { deep: [1, new Date(0)] };
          response.json({});
        });
      },
    });
    const ada = new Browser();
    await ada.fetch(stage, "/save", { a: 1, b: 1, c: { deep: [1] }, d: 1 });
    await ada.fetch(stage, "/remove", {});
    const data = { c: { deep: [1, "1970-01-01T00:00:00.000Z"] }, d: 1 };
    expect((await ada.fetch(stage, "/look")).data).toEqual(data);
    expect((await ada.connect(stage).look()).data).toEqual(data);
  });
});

describe("a store that fails", () => {
  async function createFailing() {
    const store = openStore(createStorage());
    const fails = { read: false, write: false, hang: false };
    const ask = <T>(what: "read" | "write", run: () => Promise<T>): Promise<T> =>
      fails.hang ? new Promise(() => {}) : fails[what] ? Promise.reject(new Error("Disk full")) : run();
    const failing: SessionStore = {
      ...store,
      read: (id) => ask("read", () => store.read(id)),
      write: (...args) => ask("write", () => store.write(...args)),
    };
    const stage = await createStage({ storage: failing, timeout: 100 });
    const ada = new Browser();
    await ada.fetch(stage, "/login", { user: "ada" });
    return { stage, ada, fails };
  }

  test("when it is read: the request fails, and the next is well", async () => {
    const { stage, ada, fails } = await createFailing();
    fails.read = true;
    expect(await ada.fetch(stage, "/look")).toEqual({ status: 500, code: "unavailable" });
    fails.read = false;
    expect((await ada.fetch(stage, "/look")).data).toEqual({ user: "ada" });
  });

  test("when it hangs: the request fails in time", async () => {
    const { stage, ada, fails } = await createFailing();
    fails.hang = true;
    const started = performance.now();
    expect(await ada.fetch(stage, "/look")).toEqual({ status: 500, code: "unavailable" });
    expect(performance.now() - started).toBeLessThan(500);
  });

  test("when it is written: the error is told, nothing hangs, and nothing is half done", async () => {
    const { stage, ada, fails } = await createFailing();
    fails.write = true;
    await ada.fetch(stage, "/save", { more: 1 }).catch(() => {});
    await expect.poll(() => stage.errors).toEqual([expect.objectContaining({ code: "unavailable" })]);
    for (const path of ["/login", "/logout"]) {
      expect(await ada.fetch(stage, path, {})).toEqual({ status: 500, code: "unavailable" });
    }
    fails.write = false;
    expect((await ada.fetch(stage, "/look")).data).toEqual({ user: "ada" });
  });

  test("what is no JSON, or too much, is an error as well", async () => {
    const stage = await createStage({
      size: 1_000,
      route: (web) => {
        web.post("/large", (request, response, next) => {
          Object.assign(request.session, { text: "x".repeat(2_000) });
          request.session.save((error) => (error ? next(error) : response.json({})));
        });
      },
    });
    const ada = new Browser();
    await ada.fetch(stage, "/login", { user: "ada" });
    // The answer of the error handler is saved once more, and fails once more.
    await ada.fetch(stage, "/large", {}).catch(() => {});
    expect(stage.errors[0]).toMatchObject({ code: "too_large" });
    expect((await ada.fetch(stage, "/look")).data).toEqual({ user: "ada" });
  });
});

describe("Passport", () => {
  async function createPassport() {
    const own = new Passport() as unknown as typeof passport;
    own.use(new Strategy((username, password, done) => done(null, password === "right" ? { id: username } : false)));
    own.serializeUser<string>((user, done) => done(null, (user as { id: string }).id));
    own.deserializeUser<string>((id, done) => done(null, { id }));
    return createStage({
      route: (web) => {
        web.use(own.session());
        web.post("/passport/login", own.authenticate("local"), (request, response) => {
          response.json({ id: request.sessionID, data: request.user });
        });
        web.post("/passport/logout", (request, response, next) => {
          request.logout((error) => (error ? next(error) : response.json({})));
        });
        web.get("/passport/me", (request, response) => {
          response.json({ id: request.sessionID, data: request.user ?? {} });
        });
      },
    });
  }

  test("logs in and out, and Prism knows whom", async () => {
    const stage = await createPassport();
    const ada = new Browser();
    const page = ada.connect(stage);
    await page.save({ basket: 1 });
    const { id } = await page.look();
    expect((await ada.fetch(stage, "/passport/login", { username: "ada", password: "wrong" })).status).toBe(401);
    expect((await page.look()).id).toBe(id);

    const login = await ada.fetch(stage, "/passport/login", { username: "ada", password: "right" });
    expect(login).toMatchObject({ status: 200, data: { id: "ada" } });
    expect(login.id).not.toBe(id);
    await expect.poll(() => page.closes.map(({ code }) => code)).toEqual([4004]);
    expect(await page.look()).toEqual({ id: login.id, data: { passport: { user: "ada" } } });
    expect(await ada.fetch(stage, "/passport/me")).toEqual({ status: 200, id: login.id, data: { id: "ada" } });
    const stolen = new Browser();
    stolen.cookies.set(name, ada.cookies.get(name) ?? "");

    expect((await ada.fetch(stage, "/passport/logout", {})).status).toBe(200);
    await expect.poll(() => page.closes.map(({ code }) => code)).toEqual([4004, 4004]);
    expect((await page.look()).data).toEqual({});
    expect((await page.look()).id).not.toBe(login.id);
    expect((await ada.fetch(stage, "/passport/me")).data).toEqual({});
    expect((await stolen.fetch(stage, "/passport/me")).data).toEqual({});
    expect(stage.errors).toEqual([]);
  });

  test("keeps the session's data on request", async () => {
    const own = new Passport() as unknown as typeof passport;
    own.serializeUser<string>((user, done) => done(null, (user as { id: string }).id));
    own.deserializeUser<string>((id, done) => done(null, { id }));
    const stage = await createStage({
      route: (web) => {
        web.use(own.session());
        web.post("/keep", (request, response, next) => {
          const options = { keepSessionInfo: true, session: true };
          request.login({ id: "ada" }, options, (error) => (error ? next(error) : response.json(seen(request))));
        });
      },
    });
    const ada = new Browser();
    const { id } = await ada.fetch(stage, "/save", { basket: 1 });
    const kept = await ada.fetch(stage, "/keep", {});
    expect(kept.id).not.toBe(id);
    expect(await ada.connect(stage).look()).toEqual({
      id: kept.id,
      data: { basket: 1, passport: { user: "ada" } },
    });
    expect(stage.errors).toEqual([]);
  });
});

test("express-session takes options of the user's beside these", async () => {
  const stage = await createStage({
    route: (web) => {
      web.get("/unset", (request, response) => {
        Reflect.deleteProperty(request, "session");
        response.json({});
      });
    },
  });
  const options = expressSession(stage.app);
  const web = express().use(session({ ...options, rolling: true, unset: "destroy", proxy: true }));
  web.get("/unset", (request, response) => {
    Reflect.deleteProperty(request, "session");
    response.json({});
  });
  const server = web.listen(0);
  onTestFinished(() => void server.close());
  const other = { ...stage, url: `http://127.0.0.1:${(server.address() as { port: number }).port}` };
  const ada = new Browser();
  await ada.fetch(stage, "/login", { user: "ada" });
  const page = ada.connect(stage);
  await page.look();
  await ada.fetch(stage, "/unset");
  expect((await page.look()).data).toEqual({ user: "ada" }); // Kept, as express-session does by default.
  await ada.fetch(other, "/unset");
  await expect.poll(() => page.closes.map(({ code }) => code)).toEqual([1008]);
});
