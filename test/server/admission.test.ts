import { describe, expect, test } from "vitest";
import { prism } from "../../mod.ts";
import { readHello, readOffers } from "../../src/server/offer.ts";
import type { PrismOptions } from "../../src/server/options.ts";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { admit, ask, createOpen, createStage, enter, RawPeer, type JoinOptions } from "./raw.ts";

expectNoUnhandledRejections();

function setUp(options: PrismOptions = {}) {
  const stage = createStage(options);
  const { service, host } = createOpen();
  const app = prism(stage.options).service("it", { ...service, init: ["a"] });
  return { ...stage, app, host: host(), enter: (join?: JoinOptions) => enter(app, stage.clock, join) };
}

const toWelcome = (frame: string | undefined): unknown => JSON.parse(frame!.slice(1));

describe("the hook", () => {
  test("is asked with the request and what is known of the peer", async () => {
    const asked: unknown[] = [];
    const { app } = setUp({
      admit: (request, peer) => {
        asked.push(request.url, request.headers.get("x-user"), peer);
      },
    });
    await admit(app, { headers: { "x-user": "Ada" }, remoteAddress: "192.0.2.1" });
    await app.admit(new Request("http://localhost/prism"));
    const url = "http://localhost/prism";
    expect(asked).toEqual([url, "Ada", { remoteAddress: "192.0.2.1" }, url, null, {}]);
  });

  test.each([false, true])("refuses with a Response, later: %s", async (late) => {
    const refusal = new Response("no", { status: 401, headers: { "www-authenticate": "Basic" } });
    const { app, log } = setUp({ admit: () => (late ? Promise.resolve(refusal) : refusal) });
    expect(await ask(app, { remoteAddress: "192.0.2.1" })).toBe(refusal);
    expect(log).toMatchObject([
      { level: "info", message: "Refused", data: { status: 401, remoteAddress: "192.0.2.1" } },
    ]);
    expect(app.stats().connections).toBe(0);
  });

  test.each([false, true])("gives state and headers, later: %s", async (late) => {
    const given = { state: { user: "Ada" }, headers: { "set-cookie": "a=1", "sec-websocket-protocol": "mine" } };
    const { app, host, clock } = setUp({ admit: () => (late ? Promise.resolve(given) : given) });
    const states: unknown[] = [];
    host.onconnect(({ state, remoteAddress }) => states.push([state, remoteAddress]));
    const admission = await admit(app, { protocols: "prism.1", remoteAddress: "192.0.2.1" });
    expect([...admission.headers]).toEqual([["set-cookie", "a=1"]]);
    expect(admission.protocol).toBe("prism.1");
    admission.open(new RawPeer(clock).far);
    expect(states).toEqual([[{ user: "Ada" }, "192.0.2.1"]]);
  });

  test("may give several cookies", async () => {
    const headers = new Headers();
    headers.append("set-cookie", "a=1");
    headers.append("set-cookie", "b=2");
    const { app } = setUp({ admit: () => ({ headers }) });
    expect((await admit(app)).headers.getSetCookie()).toEqual(["a=1", "b=2"]);
  });

  test.each<[string, PrismOptions["admit"]]>([
    [
      "throws",
      () => {
        throw new Error("why");
      },
    ],
    ["rejects", () => Promise.reject(new Error("why"))],
    ["gives headers that there cannot be", () => ({ headers: { "a b": "1" } })],
    ["gives a header's value that there cannot be", () => ({ headers: { a: "\n1\n2" } })],
    ["answers false", () => false as never],
  ])("that %s is a 500, and an error that the app hears of", async (_, hook) => {
    const { app, log } = setUp({ admit: hook });
    const errors: unknown[] = [];
    app.events.on("error", (error) => void errors.push(error));
    const answer = (await ask(app)) as Response;
    expect(answer.status).toBe(500);
    expect(await answer.text()).toBe("Internal Server Error");
    expect(errors).toEqual([expect.any(Error)]);
    expect(log).toMatchObject([{ level: "error", message: "Admission failed" }]);
  });

  test("leaves nothing behind for an upgrade that comes to nothing", async () => {
    const { app, clock } = setUp();
    (await admit(app)).abandon();
    expect(clock.timers).toBe(0);
    expect(app.stats()).toEqual({ connections: 0, suspended: 0, received: 0, sent: 0 });
  });
});

describe("the welcome", () => {
  test("is the first frame where the subprotocol says the version", async () => {
    const { enter } = setUp();
    const peer = await enter();
    const frames = await peer.say();
    expect(frames).toHaveLength(1);
    expect(toWelcome(frames[0])).toEqual({
      welcome: 1,
      connection: expect.stringMatching(/^[\w-]{22}$/),
      resumed: false,
      resume: expect.stringMatching(/^[\w-]{22}$/),
      received: 0,
      sent: 0,
      heartbeat: 25_000,
      packet: 131_072,
      services: { it: [0, "open", ["a"]] },
    });
  });

  test("leaves out the services that the client knows", async () => {
    const { app, enter } = setUp();
    const hash = /hash: '([\w-]{22})'/.exec(await app.buildClient())![1]!;
    const known = await enter({ protocols: `prism.1, prism.manifest.${hash}` });
    expect(toWelcome((await known.say())[0])).not.toHaveProperty("services");
    const other = await enter({ protocols: `prism.1, prism.manifest.${"x".repeat(22)}` });
    expect(toWelcome((await other.say())[0])).toHaveProperty("services.it", [0, "open", ["a"]]);
    const greeting = await enter({ protocols: undefined });
    const frames = await greeting.say(`\${"hello":1,"manifest":"${hash}"}`);
    expect(toWelcome(frames[0])).not.toHaveProperty("services");
  });

  test("names the table of the services that there are in the end", async () => {
    const { app, enter } = setUp();
    const early = app.buildClient();
    const { service } = createOpen();
    app.service("late", service);
    const late = await app.buildClient();
    const [old, now] = [await early, late].map((text) => /hash: '([\w-]{22})'/.exec(text)![1]!);
    expect(old).not.toBe(now);
    const peers = [await enter({ protocols: `prism.1,prism.manifest.${old}` })];
    peers.push(await enter({ protocols: `prism.1,prism.manifest.${now}` }));
    const known = await Promise.all(
      peers.map(async (peer) => "services" in (toWelcome((await peer.say())[0]) as object)),
    );
    expect(known).toEqual([true, false]);
  });
});

describe("a hello", () => {
  test("is waited for where the subprotocol says nothing", async () => {
    const { enter, app } = setUp();
    const peer = await enter({ protocols: undefined });
    expect(await peer.say("(", "(")).toEqual([]);
    expect(app.stats().connections).toBe(0);
    expect(await peer.say('${"hello":1,"later":true}')).toHaveLength(1);
    expect(app.stats().connections).toBe(1);
  });

  test.each([1, 2, 99])("of version %d is welcomed", async (hello) => {
    const peer = await setUp().enter({ protocols: undefined });
    expect(toWelcome((await peer.say(`$${JSON.stringify({ hello })}`))[0])).toMatchObject({ welcome: 1 });
  });

  test.each([0, -1, "1", null, true])("of version %j is refused", async (hello) => {
    const { enter, log, clock } = setUp();
    const peer = await enter({ protocols: undefined, remoteAddress: "192.0.2.1" });
    await peer.say(`$${JSON.stringify({ hello })}`, "@1");
    expect(peer.closings).toEqual([{ code: 1008, reason: "No version in common" }]);
    expect(log.at(-1)).toMatchObject({
      message: "Left before the welcome",
      data: { code: 1008, reason: "No version in common", remoteAddress: "192.0.2.1" },
    });
    expect(clock.timers).toBe(0);
  });

  test.each([
    ["another control frame", "${}", 1002],
    ["a message", "@1", 1002],
    ["a call", "?@@1", 1002],
    ["an acknowledgement", "%@", 1002],
    ["nothing", "", 1002],
    ["no frame", "*", 1002],
  ])("is not %s", async (_, frame, code) => {
    const { enter, clock } = setUp();
    const peer = await enter({ protocols: undefined });
    peer.socket.send(frame);
    await peer.say();
    expect(peer.closings).toMatchObject([{ code }]);
    expect(clock.timers).toBe(0);
  });

  test("does not let itself be waited for", async () => {
    const { enter, clock } = setUp({ limits: { handshake: 300 } });
    const peer = await enter({ protocols: "prism.2" });
    await clock.advance(299);
    expect(peer.closings).toEqual([]);
    await clock.advance(1);
    expect(peer.closings).toEqual([{ code: 4003, reason: "No hello" }]);
    expect(clock.timers).toBe(0);
  });

  test("that was said ends the wait for it", async () => {
    const { enter, clock } = setUp({ limits: { handshake: 300 } });
    const peer = await enter({ protocols: undefined });
    await peer.say('${"hello":1}');
    await clock.advance(1_000);
    expect(peer.closings).toEqual([]);
  });

  test("after the welcome is passed over", async () => {
    const { enter } = setUp();
    const peer = await enter();
    await peer.say();
    expect(await peer.say('${"hello":1}', '${"new":1}', "(")).toEqual([")"]);
  });

  test("of a socket that goes is forgotten", async () => {
    const { enter, clock, app } = setUp();
    const peer = await enter({ protocols: undefined });
    peer.socket.close(1001);
    await peer.say();
    expect(clock.timers).toBe(0);
    expect(app.stats().connections).toBe(0);
  });
});

describe("the subprotocols", () => {
  const none = { version: undefined, manifest: undefined, resume: undefined };
  const only = { version: true, manifest: undefined, resume: undefined };
  const back = (token: string, received: number) => ({ ...only, resume: { token, received } });
  test.each([
    [null, none],
    ["", none],
    [",,", none],
    ["prism.1", only],
    [" prism.1 ", only],
    ["chat,\tprism.1", only],
    ["prism.1,prism.1", only],
    ["PRISM.1", none],
    ["prism.10", none],
    ["prism.2", none],
    ["prism.1,prism.manifest.abc-_9", { ...only, manifest: "abc-_9" }],
    ["prism.manifest.abc, prism.1, prism.resume.t.7", { ...back("t", 7), manifest: "abc" }],
    ["prism.1,prism.manifest.", only],
    ["prism.1,prism.manifest.a.b", only],
    [`prism.1,prism.manifest.${"x".repeat(128)}`, { ...only, manifest: "x".repeat(128) }],
    [`prism.1,prism.manifest.${"x".repeat(129)}`, only],
    ["prism.1,prism.resume.a-_9.0", back("a-_9", 0)],
    [`prism.1,prism.resume.${"x".repeat(128)}.2147483647`, back("x".repeat(128), 2 ** 31 - 1)],
    ["prism.1,prism.resume.t.007", back("t", 7)],
    ["prism.resume.t.7", { ...none, resume: { token: "t", received: 7 } }],
    [`prism.1,prism.resume.${"x".repeat(129)}.7`, only],
    ["prism.1,prism.resume..7", only],
    ["prism.1,prism.resume.t", only],
    ["prism.1,prism.resume.t.", only],
    ["prism.1,prism.resume.t.7.8", only],
    ["prism.1,prism.resume.t.2147483648", only],
    ["prism.1,prism.resume.t.99999999999", only],
    ["prism.1,prism.resume.t.-1", only],
    ["prism.1,prism.resume.t.1e3", only],
    ["prism.1,prism.resume.t.0x1", only],
    ["prism.1,prism.resume.ä.7", only],
  ])("%j are read", (header, offer) => {
    expect(readOffers(header)).toEqual(offer);
  });

  test.each([
    [{ hello: 1 }, only],
    [
      { hello: 1, manifest: "abc" },
      { ...only, manifest: "abc" },
    ],
    [{ hello: 1, manifest: 7 }, only],
    [
      { hello: NaN, manifest: "a b" },
      { ...none, version: false },
    ],
    [{ hello: 1, resume: "t", received: 7 }, back("t", 7)],
    [
      { hello: 1, resume: "t", received: 0, manifest: "abc" },
      { ...back("t", 0), manifest: "abc" },
    ],
    [{ hello: 1, resume: "t" }, only],
    [{ hello: 1, resume: "t", received: "7" }, only],
    [{ hello: 1, resume: "t", received: 7.5 }, only],
    [{ hello: 1, resume: "t", received: -1 }, only],
    [{ hello: 1, resume: "t", received: 2 ** 31 }, only],
    [{ hello: 1, resume: 7, received: 7 }, only],
    [{ hello: 1, resume: "t.t", received: 7 }, only],
    [{ hello: 1, received: 7 }, only],
  ])("say what a hello says: %j", (hello, offer) => {
    expect(readHello(hello)).toEqual(offer);
  });

  test("are not selected but for the version", async () => {
    const { app } = setUp();
    const selected = async (protocols: string): Promise<unknown> => (await admit(app, { protocols })).protocol;
    expect(await selected("other, prism.1")).toBe("prism.1");
    expect(await selected("other, prism.manifest.x")).toBeUndefined();
  });
});
