import { createStorage } from "unstorage";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { prism, type LogEntry, type PrismOptions } from "../../mod.ts";
import type { Servable } from "../../src/server/admission.ts";
import { isAdmission } from "../../src/server/handshake.ts";
import type { Session } from "../../src/session/session.ts";
import { defineService } from "../../src/service/service.ts";
import { FaultyStore } from "../session/servers.ts";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { admit, ask, createStage, enter, FakeServerClock, RawPeer, type JoinOptions } from "./raw.ts";

expectNoUnhandledRejections();
afterEach(() => void vi.unstubAllEnvs());

const secret = "a secret of the tests that is long enough";
const older = "an older secret of the tests, long enough";
const noisy = { heartbeat: 100_000_000 };

/** What a client may have done with its session, by its name. */
const commands: Readonly<Record<string, (session: Session, value: unknown) => unknown>> = {
  id: (session) => session.id,
  look: (session) => session.data,
  put: (session, value) => void Object.assign(session.data, value),
  save: (session) => session.save(),
  regenerate: (session) => session.regenerate(),
  destroy: (session) => session.destroy(),
  login: async (session, value) => {
    Object.assign(session.data, value);
    await session.regenerate();
    return session.id;
  },
};

function createSessionService() {
  return defineService({
    kind: "session",
    client: (host) => host,
    server: (host) => {
      host.oncall((body, { session }) => {
        const [name, value] = body as [string, unknown];
        return commands[name]!(session, value);
      });
    },
  });
}

/** A peer that makes calls, and waits for what takes real time. */
class Caller {
  readonly peer: RawPeer;
  readonly frames: string[] = [];
  readonly #clock: FakeServerClock;

  constructor(peer: RawPeer, clock: FakeServerClock) {
    this.peer = peer;
    this.#clock = clock;
  }

  /** The answer to a call: a value, or the failure's code. */
  async call(name: string, value?: unknown): Promise<unknown> {
    this.frames.length = 0;
    await this.hear(`?@@${JSON.stringify([name, value])}`);
    return this.answer();
  }

  async answer(): Promise<unknown> {
    // Signatures and hashes take real time, on threads that others use as well.
    for (const until = performance.now() + 5_000; performance.now() < until;) {
      await this.hear();
      const frame = this.frames.find((one) => /^[=!]@/.test(one));
      if (frame?.startsWith("=")) return frame.length === 2 ? undefined : (JSON.parse(frame.slice(2)) as unknown);
      if (frame !== undefined) return (JSON.parse(frame.slice(2)) as { code: string }).code;
    }
    throw new Error("No answer");
  }

  async hear(...frames: string[]): Promise<void> {
    this.frames.push(...(await this.peer.say(...frames)));
    await this.#clock.settle();
    this.frames.push(...this.peer.frames());
  }

  /** The ticket that came with the last answer. */
  get ticket(): string {
    const frame = this.frames.find((one) => one.includes('"session"'));
    return (JSON.parse(frame!.slice(1)) as { session: string }).session;
  }
}

interface Joined extends Caller {
  readonly cookie: string;
}

function setUp(options: Exclude<PrismOptions["session"], false> = {}, more: PrismOptions = {}) {
  const clock = new FakeServerClock();
  const log: LogEntry[] = [];
  const store = new FaultyStore();
  const session = { secret, storage: store, ...options };
  const app = prism({ clock, log: (entry) => void log.push(entry), limits: noisy, session, ...more }).service(
    "it",
    createSessionService(),
  );

  async function join(cookie?: string, options: JoinOptions = {}): Promise<Joined> {
    const headers = { ...options.headers, ...(cookie === undefined ? {} : { cookie }) };
    const admission = await admit(app, { protocols: "prism.1", ...options, headers });
    const peer = new RawPeer(clock);
    admission.open(peer.far);
    const caller = new Caller(peer, clock);
    await caller.hear("%@");
    const given = /^[^;]+/.exec(admission.headers.get("set-cookie") ?? "")?.[0];
    return Object.assign(caller, { cookie: given ?? cookie! });
  }

  /** The status of an upgrade that is not gone on with, and its cookies. */
  async function knock(cookie?: string): Promise<[status: number, cookies: string[]]> {
    const answer = await ask(app, { headers: cookie === undefined ? {} : { cookie } });
    if (!isAdmission(answer)) return [answer.status, answer.headers.getSetCookie()];
    answer.abandon();
    return [101, answer.headers.getSetCookie()];
  }

  const exchange = (ticket: BodyInit | null, cookie?: string, headers: object = {}): Promise<Response> =>
    post(app, ticket, cookie, headers);

  const { sessions } = app.sessions["~gate"] as { sessions: { live: Map<string, unknown> } };
  return { clock, log, store, app, join, knock, exchange, live: sessions.live };
}

function post(app: Servable, body: BodyInit | null, cookie?: string, headers: object = {}): Promise<Response> {
  const all = { host: "app.example", ...(cookie === undefined ? {} : { cookie }), ...headers };
  return app.fetch(new Request("http://app.example/prism/session", { method: "POST", body, headers: all }));
}

function toPair(response: Response): string {
  return /^[^;]+/.exec(response.headers.getSetCookie()[0]!)![0];
}

describe("the session of a connection", () => {
  test("has its cookie set with the upgrade, once, and stays the same when its client comes again", async () => {
    const { join, knock } = setUp();
    const first = await join();
    const id = await first.call("id");
    expect(first.cookie).toMatch(new RegExp(`^prism\\.sid=s%3A${String(id)}\\.`));
    expect(await knock(first.cookie)).toEqual([101, []]);
    expect(await (await join(first.cookie)).call("id")).toBe(id);
    const other = await join();
    expect(await other.call("id")).not.toBe(id);
  });

  test("keeps its id, and no more, where nothing was stored", async () => {
    const { join, store, live } = setUp();
    const first = await join();
    const id = await first.call("id");
    await first.call("put", { gone: 1 });
    first.peer.socket.close(1000);
    await first.hear();
    expect([await store.ids(), live.size]).toEqual([[], 0]);
    const again = await join(first.cookie);
    expect([await again.call("id"), await again.call("look")]).toEqual([id, {}]);
  });

  test("is one for all its connections, also what is not stored", async () => {
    const { join, live } = setUp();
    const one = await join();
    const two = await join(one.cookie);
    await one.call("put", { n: 1 });
    expect(await two.call("look")).toEqual({ n: 1 });
    await two.call("put", { m: 2 });
    expect(await one.call("save")).toBeUndefined();
    for (const { peer } of [one, two]) {
      peer.socket.close(1000);
      await peer.say();
    }
    expect(live.size).toBe(0);
    expect(await (await join(one.cookie)).call("look")).toEqual({ n: 1, m: 2 });
  });

  test("is that of another server's, where they share a store", async () => {
    const here = setUp();
    const there = setUp({ storage: here.store });
    const one = await here.join();
    await one.call("put", { n: 1 });
    await one.call("save");
    const two = await there.join(one.cookie);
    expect([await two.call("id"), await two.call("look")]).toEqual([await one.call("id"), { n: 1 }]);
  });

  test("takes no cookie that was changed by one bit, in any place", async () => {
    const { join, knock } = setUp();
    const first = await join();
    await first.call("put", { n: 1 });
    await first.call("save");
    const value = decodeURIComponent(first.cookie.split("=")[1]!);
    for (let at = 0; at < value.length; at += 3) {
      const forged = value.slice(0, at) + String.fromCharCode(value.charCodeAt(at) ^ 1) + value.slice(at + 1);
      const [status, cookies] = await knock(`prism.sid=${encodeURIComponent(forged)}`);
      expect([status, cookies.length]).toEqual([101, 1]);
      expect(cookies[0]).not.toContain(value.slice(2, 24));
    }
  });

  test("has its cookie renewed with the first secret", async () => {
    const old = setUp({ secret: older });
    const first = await old.join();
    const { join, knock } = setUp({ storage: old.store, secret: [secret, older] });
    const [, [renewed]] = await knock(first.cookie);
    expect(renewed?.slice(0, 30)).toBe(first.cookie.slice(0, 30));
    expect(renewed).not.toContain(first.cookie);
    const again = await join(renewed!.split(";")[0]);
    expect(await again.call("id")).toBe(await first.call("id"));
  });

  test("is asked for by the hook, which may change it before it is known", async () => {
    const hooks: ((session: Session) => unknown)[] = [
      (session) => Object.assign(session.data, { hook: 1 }),
      async (session) => {
        session.data = { user: "Ada" };
        await session.regenerate();
      },
      (session) => session.destroy(),
    ];
    const { join, knock, live } = setUp({}, { admit: async (_, __, session) => void (await hooks[0]!(session)) });
    const one = await join();
    expect(await one.call("look")).toEqual({ hook: 1 });
    hooks.shift();
    const two = await join();
    expect(two.cookie).toContain(String(await two.call("id")));
    expect(await two.call("look")).toEqual({ user: "Ada" });
    hooks.shift();
    const three = await join();
    await three.hear();
    expect(three.peer.closings).toEqual([{ code: 1008, reason: "Session ended" }]);
    hooks[0] = () => {};
    expect((await knock(three.cookie))[1]).toHaveLength(1);
    expect(live.size).toBe(2);
  });

  test("stands beside cookies of the hook's, and goes with its client", async () => {
    const { app, live } = setUp({}, { admit: () => ({ headers: { "set-cookie": "a=1" } }) });
    const admission = await admit(app);
    expect(admission.headers.getSetCookie().map((cookie) => cookie.slice(0, 4))).toEqual(["a=1", "pris"]);
    expect(live.size).toBe(1);
    admission.abandon();
    expect(live.size).toBe(0);
  });

  test("is let go of where the hook refuses, also later", async () => {
    let late: Promise<unknown> = Promise.resolve();
    const { app, live } = setUp(
      {},
      {
        admit: (_, __, session) => {
          session.data = { n: 1 };
          late = session.regenerate();
          return new Response(null, { status: 401 });
        },
      },
    );
    expect(await ask(app)).toMatchObject({ status: 401 });
    await late;
    await Promise.resolve();
    expect(live.size).toBe(0);
  });

  test("does not get in the way of one that is not kept", async () => {
    const { options, clock } = createStage();
    const app = prism(options).service("it", createSessionService());
    const admission = await admit(app, { headers: { cookie: "prism.sid=s%3Ax.y" } });
    expect([...admission.headers]).toEqual([]);
    admission.abandon();
    const caller = new Caller(await enter(app, clock), clock);
    await caller.hear("%@");
    const id = await caller.call("id");
    expect(id).toMatch(/^[\w-]{22}$/);
    await caller.call("put", { n: 1 });
    expect([await caller.call("look"), await caller.call("id")]).toEqual([{ n: 1 }, id]);
    for (const name of ["save", "regenerate", "destroy"]) expect(await caller.call(name)).toBe("unavailable");
    expect((await post(app, "ticket")).status).toBe(404);
  });
});

describe("a new id", () => {
  test("comes with a ticket to who asked for it, and closes the old one's other connections with 4004", async () => {
    const { join, live } = setUp();
    const one = await join();
    const [two, three] = [await join(one.cookie), await join(one.cookie)];
    const stranger = await join();
    const old = await one.call("id");
    const fresh = await one.call("login", { user: "Ada" });
    expect(fresh).not.toBe(old);
    expect(one.frames.filter((frame) => frame.startsWith("$"))).toEqual([
      expect.stringMatching(/^\$\{"session":"[\w-]{22}"\}$/),
    ]);
    await two.hear();
    await three.hear();
    for (const { peer } of [two, three]) expect(peer.closings).toEqual([{ code: 4004, reason: "Session ended" }]);
    expect([one.peer.closings, stranger.peer.closings]).toEqual([[], []]);
    expect(await one.call("look")).toEqual({ user: "Ada" });
    expect(new Set(live.keys())).toEqual(new Set([fresh, await stranger.call("id")]));
  });

  test("has its cookie for the ticket and the old cookie, once", async () => {
    const { join, exchange, knock } = setUp();
    const one = await join();
    const id = await one.call("login", { user: "Ada" });
    expect(await knock(one.cookie), "it is to come again, and gets no other cookie meanwhile").toEqual([503, []]);
    const response = await exchange(one.ticket, one.cookie);
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^prism\.sid=s%3A[\w-]{22}\..+; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax$/),
    ]);
    const two = await join(toPair(response));
    expect([await two.call("id"), await two.call("look")]).toEqual([id, { user: "Ada" }]);
    for (const cookie of [one.cookie, toPair(response), `${one.cookie}; ${toPair(response)}`]) {
      const again = await exchange(one.ticket, cookie);
      expect([again.status, again.headers.getSetCookie()]).toEqual([403, []]);
    }
    expect(await knock(one.cookie), "another request with it may be under way").toEqual([503, []]);
  });

  test("is anybody's who has the old cookie for ten seconds, and nobody's afterwards", async () => {
    const { join, exchange, knock, clock } = setUp();
    const one = await join();
    await one.call("login", { user: "Ada" });
    await clock.advance(9_999);
    expect((await knock(one.cookie))[0]).toBe(503);
    await clock.advance(1);
    const [status, cookies] = await knock(one.cookie);
    expect([status, cookies.length], "a new session").toEqual([101, 1]);
    expect((await exchange(one.ticket, one.cookie)).status).toBe(403);
    expect(await one.call("look"), "the connection goes on with it").toEqual({ user: "Ada" });
  });

  test("is not had with a wrong ticket, another's cookie, or none", async () => {
    const { join, exchange } = setUp();
    const [one, two, three] = [await join(), await join(), await join()];
    await one.call("login", { user: "Ada" });
    await two.call("login", { user: "Eve" });
    const forged = `${one.ticket.startsWith("A") ? "B" : "A"}${one.ticket.slice(1)}`;
    for (const [ticket, cookie] of [
      [forged, one.cookie],
      [two.ticket, one.cookie],
      [one.ticket, two.cookie],
      [one.ticket, three.cookie],
      [one.ticket, undefined],
      [one.ticket, "prism.sid=x"],
      [one.ticket, one.cookie.slice(0, -1)],
      ["", one.cookie],
      [`${one.ticket} `, one.cookie],
      [` ${one.ticket}`, one.cookie],
      [one.ticket.toLowerCase(), one.cookie],
      [`"${one.ticket}"`, one.cookie],
      ["x".repeat(128), one.cookie],
    ] as const) {
      const response = await exchange(ticket, cookie);
      expect([[400, 403], response.headers.getSetCookie()], ticket).toEqual([[400, 403], []]);
      expect(response.status, ticket).toBeGreaterThanOrEqual(400);
      expect(response.status, ticket).toBeLessThan(404);
    }
    expect((await exchange(one.ticket, one.cookie)).status, "and none of it has spent it").toBe(204);
  });

  test("is not that of an older ticket", async () => {
    const { join, exchange } = setUp();
    const one = await join();
    await one.call("regenerate");
    const { ticket } = one;
    const cookie = toPair(await exchange(ticket, one.cookie));
    await one.call("regenerate");
    expect(one.ticket).not.toBe(ticket);
    expect((await exchange(ticket, cookie)).status).toBe(403);
    expect((await exchange(one.ticket, one.cookie)).status).toBe(403);
    expect((await exchange(one.ticket, cookie)).status).toBe(204);
  });

  test("is had from another server, too", async () => {
    const { store, join } = setUp();
    const other = setUp({ storage: store });
    const one = await join();
    const id = await one.call("login", { user: "Ada" });
    const response = await other.exchange(one.ticket, one.cookie);
    expect(response.status).toBe(204);
    expect(await (await other.join(toPair(response))).call("id")).toBe(id);
  });

  test("does not help who has fixed the old one", async () => {
    const { join } = setUp();
    const attacker = await join();
    await attacker.call("put", { fixed: 1 });
    await attacker.call("save");
    const victim = await join(attacker.cookie);
    await victim.call("login", { user: "Ada" });
    await attacker.hear();
    expect(attacker.peer.closings).toMatchObject([{ code: 4004 }]);
    expect(victim.peer.closings).toEqual([]);
    await expect(join(attacker.cookie)).rejects.toThrow("503");
  });

  test("whose client goes meanwhile is let go of", async () => {
    const { join, live, clock, store } = setUp();
    const one = await join();
    one.peer.socket.send(`?@@${JSON.stringify(["login", { user: "Ada" }])}`);
    one.peer.socket.close(1000);
    await clock.settle();
    await expect.poll(async () => (await store.ids()).length, { interval: 1 }).toBe(2);
    await clock.settle();
    await expect.poll(() => live.size, { interval: 1 }).toBe(0);
  });
});

describe("the exchange of a ticket", () => {
  test.each([
    ["none", null],
    ["one too long", "x".repeat(129)],
    ["one far too long", "x".repeat(10_000_000)],
    ["bytes, too many", new Uint8Array(200)],
  ])("refuses a body that is %s with 400", async (_, body) => {
    const { exchange, join } = setUp();
    const { cookie } = await join();
    expect((await exchange(body, cookie)).status).toBe(400);
  });

  test("does not read on when a body is too long, and does not wait for one that never ends", async () => {
    const { app, clock } = setUp({}, { limits: { ...noisy, handshake: 1_000 } });
    let pulled = 0;
    let cancelled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(pulled++ === 0 ? 100 : 50)),
      cancel: () => void cancelled++,
    });
    const silent = new ReadableStream<Uint8Array>({ cancel: () => void cancelled++ });
    const send = (body: ReadableStream): Promise<Response> =>
      app.fetch(
        new Request("http://app.example/prism/session", { method: "POST", body, duplex: "half" } as RequestInit),
      );
    expect((await send(endless)).status).toBe(400);
    expect(pulled).toBeLessThan(10);
    const late = send(silent);
    await clock.advance(999);
    await clock.advance(1);
    expect((await late).status).toBe(400);
    await clock.settle();
    expect([cancelled, clock.timers]).toEqual([2, 0]);
    const gone = new ReadableStream<Uint8Array>({ start: (controller) => controller.error(new Error("Gone")) });
    expect((await send(gone)).status).toBe(400);
    expect(clock.timers).toBe(0);
  });

  test.each(["GET", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD"])("is not had with %s", async (method) => {
    const { app } = setUp();
    const response = await app.fetch(new Request("http://app.example/prism/session", { method }));
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
    expect(response.headers.getSetCookie()).toEqual([]);
  });

  test("is for the server's own pages, and for those that may open sockets", async () => {
    const { exchange, join } = setUp({}, { origins: ["same", "https://a.example"] });
    for (const origin of ["http://evil.example", "null", "http://app.example.evil.example"]) {
      const one = await join();
      await one.call("regenerate");
      const response = await exchange(one.ticket, one.cookie, { origin });
      expect(response.status, origin).toBe(403);
      expect(response.headers.getSetCookie()).toEqual([]);
      expect(response.headers.has("access-control-allow-origin")).toBe(false);
      expect((await exchange(one.ticket, one.cookie)).status, "not spent").toBe(204);
    }
    for (const origin of ["http://app.example", "https://a.example"]) {
      const one = await join();
      await one.call("regenerate");
      for (const status of [204, 403]) {
        const response = await exchange(one.ticket, one.cookie, { origin });
        expect(response.status).toBe(status);
        expect(Object.fromEntries(response.headers)).toMatchObject({
          "access-control-allow-origin": origin,
          "access-control-allow-credentials": "true",
          vary: expect.stringMatching(/^origin$/i),
        });
      }
    }
    const one = await join();
    const plain = await exchange("x", one.cookie);
    expect(plain.headers.has("access-control-allow-origin"), "to what is no page").toBe(false);
  });

  test("says 503 while the store is down, and works when it is back", async () => {
    const { exchange, join, store, app } = setUp();
    const one = await join();
    await one.call("regenerate");
    store.down = true;
    const response = await exchange(one.ticket, one.cookie, { origin: "http://app.example" });
    expect(response.status).toBe(503);
    expect(response.headers.get("access-control-allow-origin")).toBe("http://app.example");
    store.heal();
    expect((await exchange(one.ticket, one.cookie)).status).toBe(204);
    const errors: unknown[] = [];
    app.events.on("error", (error) => errors.push(error));
    expect(errors).toEqual([]);
  });

  test("answers 500 where the app's own function for origins throws", async () => {
    const { exchange, log } = setUp({}, { origins: () => Promise.reject(new Error("why")) });
    const response = await exchange("x", undefined, { origin: "http://app.example" });
    expect([response.status, await response.text()]).toEqual([500, "Internal Server Error"]);
    expect(log.at(-1)).toMatchObject({ level: "error" });
  });

  test("sets the cookie of https where the app is there", async () => {
    const { app, join } = setUp({}, { url: "https://app.example" });
    const one = await join();
    expect(one.cookie).toMatch(/^__Host-prism\.sid=/);
    await one.call("regenerate");
    const response = await post(app, one.ticket, one.cookie, { origin: "https://app.example" });
    expect(response.headers.getSetCookie()).toEqual([expect.stringMatching(/^__Host-prism\.sid=.*; Secure$/)]);
  });
});

describe("a logout", () => {
  test("closes the others at once, and who asked for it when it has its answer", async () => {
    const { join, live, clock, knock } = setUp();
    const one = await join();
    const two = await join(one.cookie);
    await one.call("put", { user: "Ada" });
    await one.call("save");
    expect(await one.call("destroy")).toBeUndefined();
    await two.hear();
    expect(two.peer.closings).toEqual([{ code: 1008, reason: "Session ended" }]);
    expect(one.peer.closings).toEqual([]);
    expect([await one.call("look"), await one.call("save")]).toEqual([{}, "unauthorized"]);
    await clock.advance(100);
    expect(one.peer.closings).toEqual([{ code: 1008, reason: "Session ended" }]);
    expect(live.size).toBe(0);
    const [status, cookies] = await knock(one.cookie);
    expect([status, cookies.length]).toEqual([101, 1]);
    expect(cookies[0]).not.toContain(one.cookie);
    const again = await join(one.cookie);
    expect(await again.call("look")).toEqual({});
  });

  test("from a route closes all of them at once", async () => {
    const { join, app } = setUp();
    const one = await join();
    const two = await join(one.cookie);
    const request = new Request("http://localhost/", { headers: { cookie: one.cookie } });
    const visit = await app.sessions.open(request);
    await visit.session.destroy();
    await visit.finish();
    for (const { peer } of [one, two]) {
      await peer.say();
      expect(peer.closings).toEqual([{ code: 1008, reason: "Session ended" }]);
    }
  });

  test("leaves no timer where its connection is gone before", async () => {
    const { join, clock } = setUp();
    const one = await join();
    await one.call("destroy");
    one.peer.socket.close(1000);
    await one.hear();
    await clock.advance(100);
    expect(one.peer.closings).toEqual([{ code: 1000, reason: "" }]);
    await clock.advance(60_000);
    expect(clock.timers).toBe(0);
  });

  test("by a handler whose connection is gone reaches who has come since", async () => {
    const { app, clock, join } = setUp();
    const kept: Session[] = [];
    app.events.on("connect", (connection) => kept.push((connection as unknown as { session: Session }).session));
    const one = await join();
    one.peer.socket.close(1000);
    await one.hear();
    const two = await join(one.cookie);
    await kept[0]!.destroy();
    await clock.settle();
    expect(two.peer.closings).toEqual([{ code: 1008, reason: "Session ended" }]);
  });

  async function endWhileWaiting(what: string): Promise<void> {
    const authenticate = what.includes("token") ? (): undefined => undefined : undefined;
    const { app, clock, live } = setUp({}, { authenticate });
    const heard: unknown[] = [];
    app.events.on("connect", () => heard.push("connect"));
    const admission = await admit(app, { protocols: what === "a socket" ? "prism.1" : undefined });
    const peer = new RawPeer(clock);
    if (what !== "a socket") admission.open(peer.far);
    const cookie = admission.headers.get("set-cookie")!.split(";")[0]!;
    const visit = await app.sessions.open(new Request("http://localhost/", { headers: { cookie } }));
    await visit.session.destroy();
    await visit.finish();
    if (what === "a socket") admission.open(peer.far);
    else peer.socket.send('${"hello":1}');
    expect([await peer.say(), peer.closings]).toEqual([[], [{ code: 1008, reason: "Session ended" }]]);
    expect([live.size, app.stats().connections, heard]).toEqual([0, 0, []]);
    await clock.advance(60_000);
    expect(clock.timers).toBe(0);
  }

  test("while a socket is waited for lets nobody in", () => endWhileWaiting("a socket"));

  // The door looks at the session before the hello, and not once more after it.
  test("while a hello is waited for lets nobody in", () => endWhileWaiting("a hello"));
  test("while a hello is waited for, and a token after it, lets nobody in", () =>
    endWhileWaiting("a hello, and a token after it"));
});

describe("without a cache", () => {
  test("what another server has stored is read before each message, and in order", async () => {
    const { join, store } = setUp({ cache: false });
    const other = setUp({ storage: store });
    const one = await join();
    const there = await other.join(one.cookie);
    for (let n = 0; n < 5; n++) {
      await there.call("put", { n });
      await there.call("save");
      expect(await one.call("look")).toEqual({ n });
    }
    expect(await one.call("put", { mine: 1 })).toBeUndefined();
    expect(await one.call("look"), "what is not stored yet stays").toEqual({ n: 4, mine: 1 });
    const frames = Array.from({ length: 20 }, (_, at) => `?@${String.fromCharCode(0x40 + at)}["id"]`);
    one.frames.length = 0;
    await one.hear(...frames);
    await one.answer();
    expect(one.frames.map((frame) => frame.slice(0, 2))).toEqual(frames.map((frame) => `=${frame[2]!}`));
  });

  test("with one, it is not", async () => {
    const { join, store } = setUp();
    const one = await join();
    const before = store.operations;
    for (let at = 0; at < 5; at++) await one.call("look");
    expect(store.operations).toBe(before);
  });

  test("messages fail typed while the store is down, and connections stay", async () => {
    const { join, store, clock } = setUp({ cache: false });
    const one = await join();
    store.down = true;
    expect(await one.call("look")).toBe("unavailable");
    expect(one.peer.closings).toEqual([]);
    store.heal();
    expect(await one.call("look")).toEqual({});
    store.plan(1, "hangs before");
    one.frames.length = 0;
    await one.hear('?@@["look"]');
    await clock.advance(3_000);
    expect(await one.answer()).toBe("unavailable");
  });

  test("a session that was ended elsewhere is noticed with the next message", async () => {
    const { join, store } = setUp({ cache: false });
    const other = setUp({ storage: store });
    const one = await join();
    const there = await other.join(one.cookie);
    await there.call("destroy");
    await one.hear('?@@["look"]');
    expect(one.frames.filter((frame) => frame.startsWith("="))).toEqual([]);
    expect(one.peer.closings).toEqual([{ code: 1008, reason: "Session ended" }]);
  });

  test("other middleware sees the session as it is now", async () => {
    const { app, join, store } = setUp({ cache: false });
    const seen: unknown[] = [];
    app.use((inbound, next) => {
      seen.push({ ...(inbound.session.data as object) });
      return next(inbound);
    });
    const other = setUp({ storage: store });
    const one = await join();
    const there = await other.join(one.cookie);
    await there.call("put", { n: 1 });
    await there.call("save");
    await one.call("look");
    expect(seen).toEqual([{ n: 1 }]);
  });
});

describe("a store that is down", () => {
  test("refuses with 503 who brings a cookie, lets in who brings none, and connections stay", async () => {
    const { join, knock, store, log, app } = setUp();
    const one = await join();
    await one.call("put", { n: 1 });
    await one.call("save");
    store.down = true;
    const answer = (await ask(app, { headers: { cookie: one.cookie } })) as Response;
    expect([answer.status, answer.headers.get("retry-after"), answer.headers.getSetCookie()]).toEqual([503, "1", []]);
    expect((await knock("prism.sid=garbage"))[0]).toBe(101);
    const fresh = await join();
    expect(await fresh.call("look")).toEqual({});
    await fresh.call("put", { m: 1 });
    for (const name of ["save", "regenerate", "destroy"]) expect(await fresh.call(name), name).toBe("unavailable");
    expect(await one.call("look")).toEqual({ n: 1 });
    expect([one.peer.closings, fresh.peer.closings]).toEqual([[], []]);
    expect(log.filter(({ level }) => level === "warn").map(({ message }) => message)).toEqual([
      "The session store fails",
    ]);
    store.heal();
    expect(await fresh.call("save")).toBeUndefined();
    expect(log.filter(({ level }) => level === "warn").at(-1)?.message).toBe("The session store works again");
  });

  test("that hangs keeps an upgrade for three seconds, and those after it not at all", async () => {
    const { join, app, store, clock } = setUp();
    const { cookie } = await join();
    store.plan(1, "hangs before");
    let answer: Response | undefined;
    void ask(app, { headers: { cookie } }).then((given) => (answer = given as Response));
    for (const until = performance.now() + 5_000; store.hanging === 0 && performance.now() < until;) {
      await clock.settle();
    }
    await clock.advance(2_999);
    expect(answer).toBeUndefined();
    await clock.advance(1);
    expect(answer?.status).toBe(503);
    expect(((await ask(app, { headers: { cookie } })) as Response).status, "it rests for a second").toBe(503);
    await clock.advance(1_000);
    expect(isAdmission(await ask(app, { headers: { cookie } }))).toBe(true);
  });
});

describe("options", () => {
  test.each<[string, PrismOptions["session"]]>([
    ["nothing said", undefined],
    ["a store alone", { storage: createStorage() }],
    ["an empty list of secrets", { secret: [] }],
  ])("in production without a secret are refused: %s", (_, session) => {
    vi.stubEnv("NODE_ENV", "production");
    expect(() => prism(session === undefined ? {} : { session })).toThrow(/secret in production/);
    expect(() => prism({ session: false })).not.toThrow();
  });

  test("with a store that others share need a secret, wherever they are", () => {
    vi.stubEnv("NODE_ENV", "test");
    const storage = new FaultyStore();
    expect(() => prism({ session: { storage } })).toThrow(/secret with a storage that other servers share/);
    expect(() => prism({ session: { storage, secret } })).not.toThrow();
  });

  test("of production are told of a store in memory, and of nothing else", () => {
    vi.stubEnv("NODE_ENV", "production");
    const log: LogEntry[] = [];
    prism({ session: { secret }, log: (entry) => void log.push(entry) });
    expect(log.map(({ level, message }) => [level, message])).toEqual([
      ["warn", "Sessions are kept in memory: they are lost with the process, and no other server has them"],
    ]);
    log.length = 0;
    prism({ session: { secret, storage: createStorage() }, log: (entry) => void log.push(entry) });
    expect(log).toEqual([]);
  });

  test("elsewhere make a random secret, and say so", async () => {
    vi.stubEnv("NODE_ENV", "development");
    const log: LogEntry[] = [];
    const apps = [1, 2].map(() => prism({ log: (entry) => void log.push(entry), clock: new FakeServerClock() }));
    expect(log.map(({ message }) => message)).toEqual(
      Array(2).fill("Sessions have no secret: a random one signs their cookies, which are void after a restart"),
    );
    onTestFinished(async () => void (await Promise.all(apps.map((app) => app.close()))));
    const visit = await apps[0]!.sessions.open(new Request("http://localhost/"));
    visit.session.data = { n: 1 };
    const cookie = (await visit.finish())!.split(";")[0]!;
    const other = await apps[1]!.sessions.open(new Request("http://localhost/", { headers: { cookie } }));
    expect(other.session.id).not.toBe(visit.session.id);
  });

  test("with a short secret are told so", () => {
    const log: LogEntry[] = [];
    prism({ session: { secret: ["x".repeat(32), "x".repeat(31)] }, log: (entry) => void log.push(entry) });
    expect(log.map(({ message }) => message)).toEqual(["A session secret has fewer than 32 characters"]);
    expect(JSON.stringify(log)).not.toContain("xxx");
  });

  test.each<[string, Exclude<PrismOptions["session"], false>]>([
    ["an empty secret", { secret: "" }],
    ["an empty one among others", { secret: [secret, ""] }],
    ["one that is no text", { secret: [1 as never] }],
    ["no time", { secret, ttl: 0 }],
    ["a negative one", { secret, idle: -1 }],
    ["half a one", { secret, timeout: 0.5 }],
    ["one without end", { secret, ttl: Infinity }],
    ["one that is none", { secret, sweep: NaN }],
    ["a size in text", { secret, size: "64" as never }],
    ["a timer that no runtime has", { secret, timeout: 2 ** 31 }],
    ["a sweep that no runtime has", { secret, sweep: 2 ** 31 }],
    ["a store that is none", { secret, storage: {} as never }],
    ["a cookie's name that cannot be", { secret, cookie: { name: "a b" } }],
  ])("with %s are refused", (_, session) => {
    expect(() => prism({ session })).toThrow(/./);
  });
});

describe("nothing is left", () => {
  test("of many that come, log in, go and log out", async () => {
    const { join, exchange, live, store, clock, app } = setUp();
    for (let round = 0; round < 20; round++) {
      const one = await join();
      await one.call("login", { round });
      const cookie = toPair(await exchange(one.ticket, one.cookie));
      const two = await join(cookie);
      if (round % 2) await two.call("destroy");
      one.peer.socket.close(1000);
      two.peer.socket.close(1000);
      await one.hear();
      await two.hear();
    }
    await clock.advance(60_000);
    expect([live.size, app.stats().connections, clock.timers]).toEqual([0, 0, 0]);
    expect((await store.ids()).length, "the marks of dead ids, and the sessions").toBe(40);
  });
});
