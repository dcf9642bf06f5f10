import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { prism, PrismError, type PrismOptions } from "../../mod.ts";
import type { ConnectionHandle } from "../../src/service/contexts.ts";
import type { Limits } from "../../src/wire/limits.ts";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { admit, createOpen, createStage, enter, RawPeer, type JoinOptions } from "./raw.ts";

expectNoUnhandledRejections();

const auth = (token: unknown): string => `$${JSON.stringify({ auth: token })}`;
const good = '${"auth":true}';

interface Asked {
  readonly token: string | undefined;
  readonly connection: ConnectionHandle;
  accept(verdict?: unknown): Promise<void>;
  refuse(error: unknown): Promise<void>;
}

/** An app whose test gives the verdicts, and which notes what its service hears. */
function setUp(limits: Partial<Limits> = {}, options: PrismOptions = {}) {
  const asked: Asked[] = [];
  const stage = createStage({
    limits: { handshake: 1_000, patience: 500, heartbeat: 100_000_000, ...limits },
    authenticate: (token, connection) =>
      new Promise((resolve, reject) => {
        asked.push({
          token,
          connection,
          accept: (verdict) => (resolve(verdict as never), stage.clock.settle()),
          refuse: (error) => (reject(error), stage.clock.settle()),
        });
      }),
    ...options,
  });
  const heard: unknown[] = [];
  const { service, host } = createOpen((given) => {
    given.onconnect(({ state }) => heard.push(["connect", { ...state }]));
    given.ondisconnect(() => heard.push("disconnect"));
    given.onmessage((body) => heard.push(body));
    given.oncall((body) => {
      heard.push(["call", body]);
      return body;
    });
  });
  const app = prism(stage.options).service("it", service);
  app.events.on("connect", () => heard.push("event"));
  app.events.on("disconnect", () => heard.push("event of the end"));

  async function join(join?: JoinOptions) {
    const peer = await enter(app, stage.clock, join);
    await peer.say("%@");
    return peer;
  }
  return { ...stage, app, asked, heard, host: host(), join };
}

describe("the welcome", () => {
  test("says that a token is wanted, and only then", async () => {
    const { app, clock } = setUp();
    const [welcome] = await (await enter(app, clock)).say();
    expect(JSON.parse(welcome!.slice(1))).toMatchObject({ welcome: 1, auth: true });
    const other = setUp({}, { authenticate: undefined });
    const [plain] = await (await enter(other.app, other.clock)).say();
    expect(JSON.parse(plain!.slice(1))).not.toHaveProperty("auth");
  });
});

describe("before the first verdict", () => {
  test("nothing reaches a service; then all of it does, in order", async () => {
    const { join, asked, heard, app, log } = setUp();
    const peer = await join();
    expect(await peer.say('@"early"', '?@@"call"')).toEqual([]);
    expect(await peer.say(auth("secret"), '@"one"', '?@A"two"', '@"three"')).toEqual([]);
    expect([heard, app.stats().connections, [...app.services.it.connections]]).toEqual([[], 0, []]);
    expect(log.filter(({ message }) => message === "Connected")).toEqual([]);
    expect(asked.map(({ token }) => token)).toEqual(["secret"]);
    await asked[0]!.accept();
    expect(heard).toEqual(["event", ["connect", {}], "early", ["call", "call"], "one", ["call", "two"], "three"]);
    expect(app.stats().connections).toBe(1);
    expect(await peer.say('@"four"')).toEqual([good, '=@"call"', '=A"two"']);
    expect(heard.at(-1)).toBe("four");
  });

  test("in one packet with the welcome's answer and the token, nothing overtakes", async () => {
    const { app, clock, asked, heard } = setUp();
    const peer = await enter(app, clock);
    await peer.say("%@", auth("t"), ...Array.from({ length: 100 }, (_, at) => `@${at}`));
    await peer.say("@100");
    await asked[0]!.accept();
    await peer.say("@101");
    expect(heard.slice(2)).toEqual(Array.from({ length: 102 }, (_, at) => at));
  });

  test("binary frames wait as well, and are what they were", async () => {
    const { join, asked, heard } = setUp();
    const peer = await join();
    await peer.say(auth("t"));
    const packet = Uint8Array.from([4, 0x40, ...Buffer.from('"b"')]);
    peer.socket.send(packet);
    await peer.say();
    packet.fill(0);
    await asked[0]!.accept();
    expect(heard.at(-1)).toBe("b");
  });

  test("text is what it was, whatever is in it", async () => {
    const { join, asked, heard } = setUp();
    const peer = await join();
    const text = "\ufeffé\u2028😀 and more than a few characters";
    await peer.say(auth("t"), `@${JSON.stringify(text)}`);
    await asked[0]!.accept();
    expect(heard.at(-1)).toBe(text);
  });

  test("link frames go on", async () => {
    const { join } = setUp();
    const peer = await join();
    expect(await peer.say("(")).toEqual([")"]);
    expect(await peer.say('${"later":1}', '${"hello":1}', ")", "%@")).toEqual([]);
    await peer.say("%A");
    expect(peer.closings, "nothing counted was sent").toMatchObject([{ code: 1002 }]);
  });

  test("no broadcast, and nothing that lists connections, reaches it", async () => {
    const { join, asked, host, app } = setUp();
    const [known, unknown] = [await join(), await join()];
    await known.say(auth("a"));
    await asked[0]!.accept();
    known.frames();
    host.broadcast("news");
    expect([await known.say(), await unknown.say()]).toEqual([['@"news"'], []]);
    expect([...host.connections]).toHaveLength(1);
    expect(app.stats().connections).toBe(1);
    await unknown.say(auth("b"));
    await asked[1]!.accept();
    host.broadcast("more");
    expect(await unknown.say()).toEqual([good, '@"more"']);
  });

  test("what breaks the protocol is seen at once, or when it is let through", async () => {
    const atOnce = setUp();
    const one = await atOnce.join();
    await one.say(auth("t"), "&");
    expect(one.closings).toMatchObject([{ code: 1002 }]);
    expect(atOnce.heard).toEqual([]);
    const { join, asked, heard } = setUp();
    const two = await join();
    await two.say(auth("t"), '@"fine"', "=@1", '@"never"');
    expect(two.closings).toEqual([]);
    await asked[0]!.accept();
    expect(heard).toEqual(["event", ["connect", {}], "fine", "disconnect", "event of the end"]);
    expect(two.closings).toMatchObject([{ code: 1002 }]);
  });

  test("no more is held than one packet: 1008", async () => {
    const { join, asked, heard, log } = setUp({ packet: 4_096 });
    const peer = await join();
    await peer.say(auth("t"), `@${JSON.stringify("x".repeat(1_800))}`);
    await peer.say(`@${JSON.stringify("x".repeat(1_800))}`);
    expect(peer.closings).toEqual([]);
    await peer.say(`@${JSON.stringify("x".repeat(1_800))}`);
    expect(peer.closings).toEqual([{ code: 1008, reason: "Too much before the verdict" }]);
    await asked[0]!.accept();
    expect(heard).toEqual([]);
    expect(log.at(-1)).toMatchObject({ message: "Left before the welcome", data: { code: 1008 } });
  });

  test("frames cost something, however small they are", async () => {
    const { join } = setUp({ packet: 4_096 });
    const peer = await join();
    for (let at = 0; at < 40; at++) await peer.say("@");
    expect(peer.closings).toMatchObject([{ code: 1008 }]);
  });

  test("a frame that waits does not keep its packet", async () => {
    const { join, asked, heard } = setUp();
    const peer = await join();
    const kept = { count: 0 };
    const packets = new FinalizationRegistry(() => kept.count--);
    for (let at = 0; at < 50; at++) {
      const packet = Buffer.alloc(60_000, 0x20);
      packet.write('@"more than thirteen characters"', 1);
      packet[0] = 32;
      const rest = packet.length - 33 - 3;
      packet.set([(rest & 0x7f) | 0x80, ((rest >> 7) & 0x7f) | 0x80, rest >> 14], 33);
      packet.write("${}", 36);
      const bytes = new Uint8Array(packet);
      packets.register(bytes.buffer, at);
      kept.count++;
      peer.far.onmessage(bytes);
    }
    expect(peer.closings).toEqual([]);
    setFlagsFromString("--expose-gc");
    const gc = runInNewContext("gc") as () => void;
    for (let turn = 0; turn < 50 && kept.count > 5; turn++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(kept.count).toBeLessThanOrEqual(5);
    await peer.say(auth("t"));
    await asked[0]!.accept();
    expect(heard.slice(2)).toEqual(Array(50).fill("more than thirteen characters"));
  });
});

describe("a token", () => {
  test.each<[string, unknown]>([
    ["a number", 7],
    ["yes", true],
    ["a list", ["t"]],
    ["an object", { token: "t", toString: "x" }],
  ])("that is %s is refused, and nobody is asked", async (_, token) => {
    const { join, asked } = setUp();
    const peer = await join();
    await peer.say(auth(token));
    expect([peer.closings, asked]).toEqual([[{ code: 1008, reason: "Token is not a string" }], []]);
  });

  test("that there is not is judged, too: the session may do", async () => {
    const { join, asked, heard } = setUp();
    const peer = await join();
    await peer.say(auth(null));
    expect(asked.map(({ token }) => token)).toEqual([undefined]);
    await asked[0]!.accept(undefined);
    expect(peer.frames()).toContain(good);
    expect(heard).toEqual(["event", ["connect", {}]]);
  });

  test("may be empty, or long, or anything: it is the app's to judge", async () => {
    for (const token of ["", "x".repeat(100_000), "\u2028\0\ud83d\ude00"]) {
      const { join, asked } = setUp();
      const peer = await join();
      await peer.say(auth(token));
      expect(asked.map((one) => one.token)).toEqual([token]);
      await asked[0]!.accept();
      expect(await peer.say()).toEqual([good]);
    }
  });

  test("before the verdict on the one before it is 1002, at first and at a renewal", async () => {
    const first = setUp();
    const one = await first.join();
    await one.say(auth("a"), auth("b"));
    expect(one.closings).toEqual([{ code: 1002, reason: "Token before the verdict" }]);
    expect(first.heard).toEqual([]);
    const { join, asked, heard } = setUp();
    const two = await join();
    await two.say(auth("a"));
    await asked[0]!.accept();
    await two.say(auth("b"));
    await two.say(auth("c"));
    expect(two.closings).toMatchObject([{ code: 1002 }]);
    expect(heard.slice(-2)).toEqual(["disconnect", "event of the end"]);
  });

  test("that does not come in time is waited for no longer: 1008, and nothing is left", async () => {
    const { join, clock, heard, log, app } = setUp();
    const peer = await join();
    await clock.advance(1_499);
    expect(peer.closings).toEqual([]);
    await clock.advance(1);
    expect(peer.closings).toEqual([{ code: 1008, reason: "No token in time" }]);
    expect([heard, clock.timers, app.stats().connections]).toEqual([[], 0, 0]);
    expect(log.at(-1)).toMatchObject({ message: "Left before the welcome", data: { reason: "No token in time" } });
  });

  test("is not asked for again by other frames: the time goes on", async () => {
    const { join, clock } = setUp();
    const peer = await join();
    for (let at = 0; at < 15; at++) {
      await peer.say("(", '${"x":1}', "@");
      await clock.advance(100);
    }
    expect(peer.closings).toMatchObject([{ code: 1008 }]);
  });

  test("where none is wanted is answered, and changes nothing", async () => {
    const { join, heard } = setUp({}, { authenticate: undefined });
    const peer = await join();
    expect(heard).toEqual(["event", ["connect", {}]]);
    peer.frames();
    expect(await peer.say(auth("t"), '@"one"', auth(7), '?@@"two"')).toEqual([good, good, '=@"two"']);
    expect(heard.slice(2)).toEqual(["one", ["call", "two"]]);
  });

  test("is not taken before the welcome", async () => {
    const { join, asked } = setUp();
    const peer = await join({ protocols: undefined });
    expect(peer.closings).toMatchObject([{ code: 1002 }]);
    const { app, clock } = setUp();
    const other = await enter(app, clock, { protocols: undefined });
    await other.say(auth("t"));
    expect([other.closings, asked]).toMatchObject([[{ code: 1002 }], []]);
  });
});

describe("a verdict", () => {
  test("that takes too long is 1008, whatever it is in the end", async () => {
    const { join, clock, asked, heard } = setUp();
    const peer = await join();
    await clock.advance(1_400);
    await peer.say(auth("t"));
    await clock.advance(999);
    expect(peer.closings, "the token came, and its time is another").toEqual([]);
    await clock.advance(1);
    expect(peer.closings).toEqual([{ code: 1008, reason: "Authentication took too long" }]);
    await asked[0]!.accept({ expires: 5_000 });
    expect([heard, clock.timers]).toEqual([[], 0]);
  });

  test.each<[what: string, give: (asked: Asked) => Promise<void>, reason: string]>([
    [
      "an error for the client",
      (asked) => asked.refuse(new PrismError("unauthorized", "Sign in first")),
      "Sign in first",
    ],
    ["another error", (asked) => asked.refuse(new Error("the database's name")), "Unauthorized"],
    ["what is no error", (asked) => asked.refuse("text"), "Unauthorized"],
    ["nothing thrown", (asked) => asked.refuse(undefined), "Unauthorized"],
    ["false", (asked) => asked.accept(false), "Unauthorized"],
    ["a token that has expired", (asked) => asked.accept({ expires: 0 }), "Token expired"],
    ["one that has long since", (asked) => asked.accept({ expires: -1 }), "Token expired"],
    ["one that nobody can tell of", (asked) => asked.accept({ expires: NaN }), "Token expired"],
    ["a long reason", (asked) => asked.refuse(new PrismError("x", "é".repeat(200))), "é".repeat(61)],
  ])("that is %s closes with 1008", async (what, give, reason) => {
    const { join, asked, heard, log, clock, app } = setUp();
    const errors: unknown[] = [];
    app.events.on("error", (error) => errors.push(error));
    const peer = await join();
    await peer.say(auth("t"), '@"held"');
    peer.frames();
    await give(asked[0]!);
    expect(peer.closings).toEqual([{ code: 1008, reason }]);
    expect([await peer.say(), heard, app.stats().connections, clock.timers]).toEqual([[], [], 0, 0]);
    const unexpected = ["another error", "what is no error", "nothing thrown"].includes(what);
    expect(errors).toHaveLength(unexpected ? 1 : 0);
    expect(log.some(({ message }) => message === "Authentication failed")).toBe(unexpected);
  });

  test("of a function that throws at once, or answers at once, is the same", async () => {
    for (const [authenticate, codes] of [
      [
        () => {
          throw new PrismError("unauthorized", "No");
        },
        [1008],
      ],
      [() => undefined, []],
      [() => ({ state: { a: 1 } }), []],
    ] as const) {
      const { join, heard } = setUp({}, { authenticate: authenticate });
      const peer = await join();
      await peer.say(auth("t"), '@"held"');
      expect(peer.closings.map(({ code }) => code)).toEqual(codes);
      expect(heard.at(-1)).toBe(codes.length === 0 ? "held" : undefined);
    }
  });

  test("gives the state that services see from the first moment on", async () => {
    const { join, asked, heard, host } = setUp({}, { admit: () => ({ state: { from: "admit" } }) });
    const peer = await join();
    await peer.say(auth("t"));
    expect(asked[0]!.connection.state).toEqual({ from: "admit" });
    await asked[0]!.accept({ state: { user: "Ada" } });
    expect(heard[1]).toEqual(["connect", { user: "Ada" }]);
    expect([...host.connections][0]!.state).toEqual({ user: "Ada" });
    await peer.say(auth("u"));
    await asked[1]!.accept({});
    expect([...host.connections][0]!.state, "what says nothing of it leaves it").toEqual({ user: "Ada" });
  });

  test("by a function that closes the connection itself is that", async () => {
    const { join, heard, app } = setUp({}, { authenticate: (_, connection) => connection.close("Not you") });
    const peer = await join();
    await peer.say(auth("t"), "@");
    expect([peer.closings, heard, app.stats().connections]).toEqual([[{ code: 1008, reason: "Not you" }], [], 0]);
  });

  test("lets in one whom a listener closes at once", async () => {
    const { join, asked, heard, app } = setUp();
    app.events.on("connect", (connection) => connection.close("Full"));
    const peer = await join();
    await peer.say(auth("t"), '@"held"');
    await asked[0]!.accept({ expires: 10_000 });
    expect(heard).toEqual(["event", ["connect", {}], "disconnect", "event of the end"]);
    expect([peer.closings, app.stats().connections]).toEqual([[{ code: 1008, reason: "Full" }], 0]);
  });
});

describe("a token that expires", () => {
  test.each([
    [3_600_000, 3_540_000, 60_000],
    [200_000, 140_000, 60_000],
    [120_000, 60_000, 60_000],
    [100_000, 50_000, 50_000],
    [10, 5, 5],
    [1, 0, 1],
  ])("after %d ms is asked for after %d ms, and %d ms later is no longer good", async (expires, at, margin) => {
    const { join, asked, clock, heard } = setUp();
    const peer = await join();
    await peer.say(auth("t"));
    await asked[0]!.accept({ expires });
    expect(peer.frames().slice(-1)).toEqual([`\${"auth":true,"expires":${expires}}`]);
    if (at > 0) {
      await clock.advance(at - 1);
      expect(await peer.say()).toEqual([]);
      await clock.advance(1);
    } else await clock.advance(0);
    expect(await peer.say()).toEqual([`\${"expires":${margin}}`]);
    await clock.advance(margin - 1);
    expect(peer.closings).toEqual([]);
    await clock.advance(1);
    expect(peer.closings).toEqual([{ code: 1008, reason: "Token expired" }]);
    expect(heard.slice(-2)).toEqual(["disconnect", "event of the end"]);
    expect(clock.timers).toBe(0);
  });

  test.each([
    [1_000.9, '${"auth":true,"expires":1000}'],
    [Infinity, good],
    [0.3, '${"auth":true,"expires":1}'],
    [300_000_000_000, '${"auth":true,"expires":2147483647}'],
    [new Date(Date.UTC(2025, 0, 2, 3, 4, 6)), '${"auth":true,"expires":1000}'],
    [undefined, good],
  ])("after %s ms is told so that clients and timers can take it", async (expires, frame) => {
    const { join, asked, clock } = setUp();
    const peer = await join();
    await peer.say(auth("t"));
    await asked[0]!.accept({ expires });
    expect(peer.frames()).toContain(frame);
    expect(clock.timers).toBe(expires === undefined || expires === Infinity ? 1 : 2);
  });

  test.each([Date.now(), 1e300])("after %d ms is none: a moment is a Date", async (expires) => {
    const { join, asked, log } = setUp();
    const peer = await join();
    await peer.say(auth("t"));
    await asked[0]!.accept({ expires });
    expect(peer.closings).toEqual([{ code: 1008, reason: "Unauthorized" }]);
    expect(String(log.at(-2)?.data)).toContain("give a Date for a moment");
  });

  test("is renewed in place: services hear of nothing, and the time begins anew", async () => {
    const { join, asked, clock, heard, app } = setUp();
    const peer = await join();
    await peer.say(auth("a"));
    await asked[0]!.accept({ expires: 100_000 });
    await clock.advance(60_000);
    peer.frames();
    await peer.say(auth("b"), '@"held"');
    expect(heard).not.toContain("held");
    await asked[1]!.accept({ expires: 200_000, state: { again: true } });
    expect(peer.frames()).toEqual(['${"auth":true,"expires":200000}']);
    expect(heard).toEqual(["event", ["connect", {}], "held"]);
    await clock.advance(139_999);
    // What was held is acknowledged.
    expect([await peer.say(), peer.closings, app.stats().connections]).toEqual([["%A"], [], 1]);
    await clock.advance(1);
    expect(await peer.say()).toEqual(['${"expires":60000}']);
    await clock.advance(60_000);
    expect(peer.closings).toMatchObject([{ code: 1008 }]);
  });

  test("is renewed before anybody asked, and by one that does not expire", async () => {
    const { join, asked, clock } = setUp();
    const peer = await join();
    await peer.say(auth("a"));
    await asked[0]!.accept({ expires: 100_000 });
    await peer.say(auth("b"));
    await asked[1]!.accept();
    await clock.advance(10_000_000);
    expect(peer.closings).toEqual([]);
  });

  test("is renewed while calls go on: what was asked before is answered, and what comes after waits", async () => {
    const { join, asked, clock, host } = setUp();
    const peer = await join();
    await peer.say(auth("a"));
    await asked[0]!.accept();
    peer.frames();
    await peer.say(auth("b"), '?@@"x"');
    host.broadcast("goes out");
    expect(await peer.say()).toEqual(['@"goes out"']);
    await asked[1]!.accept();
    expect(await peer.say()).toEqual([good, '=@"x"']);
    // The heartbeat, and the acknowledgement that is due.
    await clock.advance(1_000);
    expect([peer.frames(), clock.timers]).toEqual([["%A"], 1]);
  });

  test("and is not renewed is refused with 1008, and what waited never arrives", async () => {
    const { join, asked, heard } = setUp();
    const peer = await join();
    await peer.say(auth("a"));
    await asked[0]!.accept({ expires: 100_000 });
    await peer.say(auth("b"), '@"held"');
    await asked[1]!.refuse(new PrismError("unauthorized", "No more"));
    expect(peer.closings).toEqual([{ code: 1008, reason: "No more" }]);
    expect(heard).toEqual(["event", ["connect", {}], "disconnect", "event of the end"]);
  });

  test("and is judged too slowly is refused with 1008", async () => {
    const { join, asked, clock } = setUp();
    const peer = await join();
    await peer.say(auth("a"));
    await asked[0]!.accept({ expires: 100_000 });
    await clock.advance(99_900);
    await peer.say(auth("b"));
    await clock.advance(999);
    expect(peer.closings).toEqual([]);
    await clock.advance(1);
    expect(peer.closings).toEqual([{ code: 1008, reason: "Authentication took too long" }]);
  });

  test("holds more of one who is known than of one who is not, and not without end", async () => {
    const { join, asked, heard } = setUp({ packet: 4_096, held: 20_000 });
    const peer = await join();
    await peer.say(auth("a"));
    await asked[0]!.accept();
    await peer.say(auth("b"));
    const frame = `@${JSON.stringify("x".repeat(1_700))}`;
    for (let at = 0; at < 10; at++) await peer.say(frame);
    expect([peer.closings, heard.length]).toEqual([[], 2]);
    await peer.say(frame);
    expect(peer.closings).toEqual([{ code: 1008, reason: "Too much before the verdict" }]);
  });
});

describe("the end meanwhile", () => {
  test("of the client is heard by no service, and nothing is left", async () => {
    for (const waiting of ["for a token", "for a verdict"]) {
      const { join, asked, heard, clock, app, log } = setUp();
      const peer = await join();
      if (waiting === "for a verdict") await peer.say(auth("t"), "@");
      peer.socket.close(1000, "bye");
      await peer.say();
      await asked[0]?.accept({ expires: 1_000 });
      expect([heard, clock.timers, app.stats().connections], waiting).toEqual([[], 0, 0]);
      expect(log.at(-1)).toMatchObject({ message: "Left before the welcome", data: { code: 1000, reason: "bye" } });
      await app.close();
    }
  });

  test("of the app closes with 1001, and nothing is left", async () => {
    const { join, asked, heard, clock, app } = setUp();
    const [first, second, third] = [await join(), await join(), await join()];
    await second.say(auth("b"));
    await third.say(auth("c"));
    await asked[1]!.accept({ expires: 100_000 });
    await app.close();
    await clock.settle();
    for (const peer of [first, second, third]) expect(peer.closings).toEqual([{ code: 1001, reason: "Closing" }]);
    await asked[0]!.accept();
    expect(heard).toEqual(["event", ["connect", {}], "disconnect", "event of the end"]);
    expect(clock.timers).toBe(0);
  });

  test("of its session closes it, and lets go of the session and the place", async () => {
    const secret = "a secret of the tests that is long enough";
    const { app, clock, heard, asked } = setUp({ connections: 1 }, { session: { secret } });
    const admission = await admit(app, { protocols: "prism.1" });
    const peer = new RawPeer(clock);
    admission.open(peer.far);
    await peer.say("%@", auth("t"));
    const cookie = admission.headers.get("set-cookie")!.split(";")[0]!;
    const visit = await app.sessions.open(new Request("http://localhost/", { headers: { cookie } }));
    await visit.session.destroy();
    await visit.finish();
    await peer.say();
    expect(peer.closings).toEqual([{ code: 1008, reason: "Session ended" }]);
    await asked[0]!.accept();
    expect(heard).toEqual([]);
    const { sessions } = app.sessions["~gate"] as { sessions: { live: Map<string, unknown> } };
    expect(sessions.live.size).toBe(0);
    await enter(app, clock);
  });

  test("in a close by the client leaves its session and its place to others", async () => {
    const secret = "a secret of the tests that is long enough";
    const { app, clock, asked } = setUp({ connections: 1 }, { session: { secret } });
    const peer = await enter(app, clock);
    await peer.say("%@", auth("t"));
    peer.socket.close(1000);
    await peer.say();
    const { sessions } = app.sessions["~gate"] as { sessions: { live: Map<string, unknown> } };
    expect(sessions.live.size).toBe(0);
    await asked[0]!.accept();
    await enter(app, clock);
  });
});

test("the session is the client's own, and may get a new id by the verdict", async () => {
  const secret = "a secret of the tests that is long enough";
  let done: Promise<unknown> = Promise.resolve();
  const { app, clock, heard } = setUp(
    {},
    {
      session: { secret },
      authenticate: (token, _, session) => {
        Object.assign(session.data, { user: token });
        return (done = session.regenerate());
      },
    },
  );
  const peer = await enter(app, clock);
  const frames = await peer.say("%@", auth("Ada"));
  await done;
  frames.push(...(await peer.say()));
  expect(frames).toEqual([
    expect.stringContaining("welcome"),
    expect.stringMatching(/^\$\{"session":"[\w-]{22}"\}$/),
    good,
  ]);
  expect(heard).toEqual(["event", ["connect", {}]]);
});
