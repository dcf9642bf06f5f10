import { describe, expect, test } from "vitest";
import { defineService, prism, PrismError } from "../../mod.ts";
import type { StandardSchema } from "../../src/service/schema.ts";
import type { ConnectionHandle } from "../../src/service/contexts.ts";
import type { PrismOptions } from "../../src/server/options.ts";
import { expectNoUnhandledRejections, watch } from "../service/joined.ts";
import { createOpen, createStage, enter, join } from "./raw.ts";

expectNoUnhandledRejections();

const error = (code: string): unknown => expect.objectContaining({ name: "PrismError", code });

function setUp(options: PrismOptions = {}) {
  const stage = createStage(options);
  const open = createOpen();
  const app = prism(stage.options).service("it", open.service);
  const events: unknown[] = [];
  app.events.on("error", (thrown) => void events.push(thrown));
  const handles: ConnectionHandle[] = [];
  open.host().onconnect((connection) => handles.push(connection));
  return { ...stage, app, host: open.host(), events, handles, join: () => join(app, stage.clock) };
}

describe("send and broadcast", () => {
  test("reach one, all, some, and all but one", async () => {
    const { host, handles, join } = setUp();
    const peers = [await join(), await join(), await join()];
    const reached = async (): Promise<string[][]> => Promise.all(peers.map((peer) => peer.say()));
    const [first, second] = handles as [ConnectionHandle, ConnectionHandle];
    host.send(first, 1);
    expect(await reached()).toEqual([["@1"], [], []]);
    host.broadcast(2);
    expect(await reached()).toEqual([["@2"], ["@2"], ["@2"]]);
    host.broadcast(3, { to: [second] });
    host.broadcast(4, { to: new Set([first, second]), except: second });
    host.broadcast(5, { except: first });
    expect(await reached()).toEqual([["@4"], ["@3", "@5"], ["@5"]]);
    expect([...host.connections]).toEqual(handles);
  });

  test("do nothing for a client that has gone", async () => {
    const { host, handles, join } = setUp();
    const peer = await join();
    peer.socket.close(1000);
    await peer.say();
    expect(handles[0]).toHaveProperty("closed", true);
    host.send(handles[0]!, 1);
    host.broadcast(2, { to: handles });
    host.broadcast(3, { to: handles, conflate: "a", volatile: true });
    host.broadcast(4);
    expect([...host.connections]).toEqual([]);
    expect(await peer.say()).toEqual([]);
  });

  test("encode once", async () => {
    const { clock, options } = createStage();
    let encoded = 0;
    const codec = { encode: (value: number) => `${(encoded++, value)}`, decode: Number };
    const counting = defineService({ kind: "x", codec, client: () => ({}), server: (host) => host });
    const app = prism(options).service("it", counting);
    const peers = [await join(app, clock), await join(app, clock), await join(app, clock)];
    app.services.it.broadcast(7);
    expect(encoded).toBe(1);
    for (const peer of peers) expect(await peer.say()).toEqual(["@7"]);
  });

  test("of what cannot be written throw, and nothing is sent", async () => {
    const { host, handles, join } = setUp();
    const peer = await join();
    expect(() => host.broadcast(1n)).toThrow(TypeError);
    expect(() => host.send(handles[0]!, 1n)).toThrow(TypeError);
    expect(await peer.say()).toEqual([]);
  });
});

describe("a slow client", () => {
  const limits = { sendLimit: 1_000 };

  test("does not get volatile messages", async () => {
    const { host, join } = setUp({ limits });
    const [slow, quick] = [await join(), await join()];
    slow.waiting = 251;
    quick.waiting = 250;
    host.broadcast(1, { volatile: true });
    host.broadcast(2, { volatile: false });
    expect(await slow.say()).toEqual(["@2"]);
    expect(await quick.say()).toEqual(["@1", "@2"]);
    slow.drain();
    host.broadcast(3, { volatile: true });
    expect(await slow.say()).toEqual(["@3"]);
  });

  test("gets the last of each key when it has drained, in the order of their last", async () => {
    const { host, join } = setUp({ limits });
    const peer = await join();
    peer.waiting = 300;
    host.broadcast("a1", { conflate: "a" });
    host.broadcast("b1", { conflate: "b", volatile: true });
    host.broadcast("a2", { conflate: "a" });
    host.broadcast("plain");
    expect(await peer.say()).toEqual(['@"plain"']);
    peer.drain();
    expect(await peer.say()).toEqual(['@"b1"', '@"a2"']);
    peer.drain();
    expect(await peer.say()).toEqual([]);
  });

  test("gets what was held back before what comes when it is slow no longer", async () => {
    const { host, handles, join } = setUp({ limits });
    const peer = await join();
    peer.waiting = 300;
    host.broadcast("a1", { conflate: "a" });
    host.broadcast("b1", { conflate: "b" });
    peer.waiting = 100;
    // It never drains altogether, and still nothing stays behind for ever, nor comes out of date.
    host.broadcast("a2", { conflate: "a" });
    expect(await peer.say()).toEqual(['@"b1"', '@"a2"']);
    peer.drain();
    expect(await peer.say()).toEqual([]);
    expect(handles[0]).toHaveProperty("closed", false);
  });

  test("is closed when too much waits", async () => {
    const { host, handles, join, log } = setUp({ limits });
    const [peer, other] = [await join(), await join()];
    peer.waiting = 1_001;
    host.broadcast(1);
    await peer.say();
    expect(peer.closings).toEqual([{ code: 4002, reason: "Slow consumer" }]);
    expect(handles[0]).toHaveProperty("closed", true);
    expect(await other.say()).toEqual(["@1"]);
    expect(log.at(-1)).toMatchObject({ message: "Disconnected", data: { code: 4002, reason: "Slow consumer" } });
    peer.drain();
  });

  test("that goes takes what was held back with it", async () => {
    const { host, join } = setUp({ limits });
    const peer = await join();
    peer.waiting = 300;
    host.broadcast("a1", { conflate: "a" });
    peer.socket.close(1000);
    await peer.say();
    peer.drain();
    expect(await peer.say()).toEqual([]);
  });
});

describe("a call to a client", () => {
  test("gives its answer, or its failure", async () => {
    const { host, handles, join } = setUp();
    const peer = await join();
    const calls = [watch(host.call(handles[0]!, "ask")), watch(host.call(handles[0]!, "fail"))];
    expect(await peer.say()).toEqual(['?@@"ask"', '?@A"fail"']);
    await peer.say("=@7", '!A{"code":"busy"}');
    expect(calls).toEqual([{ value: 7 }, { error: error("busy") }]);
  });

  test("times out, as it says or as the limits say", async () => {
    const { host, handles, join, clock } = setUp({ limits: { timeout: 200 } });
    const peer = await join();
    const calls = [watch(host.call(handles[0]!, 1)), watch(host.call(handles[0]!, 2, { timeout: 100 }))];
    await clock.advance(100);
    expect(calls).toEqual([{}, { error: error("timeout") }]);
    await clock.advance(100);
    expect(calls[0]).toEqual({ error: error("timeout") });
    expect(await peer.say()).toEqual(["?@@1", "?@A2", "#A", "#@"]);
    // Its answer is late, and nobody minds.
    await peer.say("=@7", '!A{"code":"cancelled"}');
    expect(peer.closings).toEqual([]);
  });

  test("fails with lost when the client goes, and when it has gone", async () => {
    const { host, handles, join } = setUp();
    const peer = await join();
    const before = watch(host.call(handles[0]!, 1));
    await peer.say();
    peer.socket.close(1000);
    await peer.say();
    const after = watch(host.call(handles[0]!, 1));
    await peer.say();
    expect([before, after]).toEqual([{ error: error("lost") }, { error: error("lost") }]);
  });

  test("can be taken back", async () => {
    const { host, handles, join } = setUp();
    const peer = await join();
    const controller = new AbortController();
    const call = watch(host.call(handles[0]!, 1, { signal: controller.signal }));
    await peer.say();
    controller.abort();
    expect(await peer.say()).toEqual(["#@"]);
    expect(call.error).toEqual(error("cancelled"));
    const late = watch(host.call(handles[0]!, 1, { signal: controller.signal }));
    expect(await peer.say()).toEqual([]);
    expect(late.error).toEqual(error("cancelled"));
  });

  test("that cannot be written fails by itself", async () => {
    const { host, handles, join } = setUp();
    const peer = await join();
    const call = watch(host.call(handles[0]!, 1n));
    expect(await peer.say()).toEqual([]);
    expect(call.error).toBeInstanceOf(TypeError);
  });
});

describe("connections", () => {
  test("come and go, for services and on the bus", async () => {
    const { app, host, join } = setUp();
    const heard: string[] = [];
    host.onconnect(({ closed }) => void heard.push(`service: connect ${closed}`));
    host.ondisconnect(({ closed }) => void heard.push(`service: disconnect ${closed}`));
    app.events.on("connect", ({ closed }) => void heard.push(`bus: connect ${closed}`));
    app.events.on("disconnect", ({ closed }) => void heard.push(`bus: disconnect ${closed}`));
    const peer = await join();
    expect(app.stats()).toMatchObject({ connections: 1 });
    peer.socket.close(1000);
    await peer.say();
    expect(heard).toEqual([
      "bus: connect false",
      "service: connect false",
      "service: disconnect true",
      "bus: disconnect true",
    ]);
    expect(app.stats()).toMatchObject({ connections: 0 });
  });

  test("that a listener closes are told of in order, to everybody", async () => {
    const { app, clock, host } = setUp();
    const heard: string[] = [];
    app.events.on("connect", (connection) => connection.close("Full"));
    app.events.on("connect", () => void heard.push("connect"));
    app.events.on("disconnect", () => void heard.push("disconnect"));
    host.onconnect(() => void heard.push("service: connect"));
    host.ondisconnect(() => void heard.push("service: disconnect"));
    const peer = await enter(app, clock);
    expect(await peer.say()).toHaveLength(1);
    expect(peer.closings).toEqual([{ code: 1008, reason: "Full" }]);
    expect(heard).toEqual(["connect", "service: connect", "service: disconnect", "disconnect"]);
    expect(app.stats().connections).toBe(0);
    expect(clock.timers).toBe(0);
  });

  test("have an id, a state and a session of their own", async () => {
    const { handles, join } = setUp({ admit: () => ({ state: { user: "Ada" } }) });
    await join();
    await join();
    const [one, other] = handles as [ConnectionHandle, ConnectionHandle];
    expect(one.id).toMatch(/^[\w-]{22}$/);
    expect(one.id).not.toBe(other.id);
    expect(one.state).toEqual({ user: "Ada" });
    one.state["user"] = "Eve";
    expect(other.state).toEqual({ user: "Ada" });
  });

  test("are closed for a reason, which is cut where it is too long", async () => {
    const { handles, join } = setUp();
    const peers = [await join(), await join(), await join()];
    handles[0]!.close();
    handles[1]!.close("ä".repeat(100));
    handles[2]!.close(`${"x".repeat(121)}🙂`);
    handles[2]!.close("again");
    for (const peer of peers) await peer.say();
    expect(peers.map(({ closings }) => closings)).toEqual([
      [{ code: 1008, reason: "" }],
      [{ code: 1008, reason: "ä".repeat(61) }],
      [{ code: 1008, reason: "x".repeat(121) }],
    ]);
  });
});

describe("errors", () => {
  const thrown = new Error("why");
  const fail = (): never => {
    throw thrown;
  };

  test("of listeners become an error event, and the others go on", async () => {
    const { app, host, events, log, join } = setUp();
    const heard: string[] = [];
    host.onconnect(fail);
    host.onconnect(() => void heard.push("connect"));
    host.ondisconnect(async () => fail());
    host.onmessage(fail);
    host.onmessage(() => void heard.push("message"));
    app.events.on("connect", fail);
    const peer = await join();
    await peer.say("@1");
    peer.socket.close(1000);
    await peer.say();
    expect(heard).toEqual(["connect", "message"]);
    expect(events).toEqual([thrown, thrown, thrown, thrown]);
    expect(log.filter(({ level }) => level === "error").map(({ message, service }) => [message, service])).toEqual([
      ["A listener to connect failed", undefined],
      ["A listener to connect failed", "it"],
      ["A listener to message failed", "it"],
      ["A listener to disconnect failed", "it"],
    ]);
  });

  test("of listeners to errors make no loop", async () => {
    const { app, host, log, join } = setUp();
    app.events.on("error", fail);
    app.events.on("error", async () => fail());
    host.onconnect(fail);
    await join();
    expect(log.filter(({ level }) => level === "error").map(({ message }) => message)).toEqual([
      "A listener to connect failed",
      "A listener to error failed",
      "A listener to error failed",
    ]);
  });

  test.each([
    [false, '!@{"code":"internal"}'],
    [true, '!@{"code":"internal","message":"Error: why"}'],
  ])("of handlers reach the client, exposed: %s", async (exposeErrors, answer) => {
    const { host, events, join } = setUp({ exposeErrors });
    host.oncall((body) => (body === 1 ? fail() : Promise.reject(new PrismError("mine", "told", { n: 1 }))));
    const peer = await join();
    expect(await peer.say("?@@1")).toEqual([answer]);
    expect(await peer.say("?@@2")).toEqual(['!@{"code":"mine","message":"told","data":{"n":1}}']);
    expect(events).toEqual([thrown]);
  });
});

describe("an asynchronous schema", () => {
  let open!: () => void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const up: StandardSchema<number> = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value) =>
        gate.then(() => (typeof value === "number" ? { value } : { issues: [{ message: "No number" }] })),
    },
  };

  test("is waited for, and what it refuses is dropped or answered", async () => {
    const stage = createStage();
    const heard: unknown[] = [];
    const slow = defineService({
      kind: "x",
      up,
      client: () => ({}),
      server: (host) => {
        host.onmessage((body) => heard.push(body));
        host.oncall((body) => body);
      },
    });
    const app = prism(stage.options).service("it", slow);
    const [peer, gone] = [await join(app, stage.clock), await join(app, stage.clock)];
    await gone.say("@9", "?@@9");
    gone.socket.close(1000);
    expect(await peer.say("@1", '@"a"', "?@@2", '?@A"a"')).toEqual([]);
    open();
    expect(await peer.say()).toEqual([
      "=@2",
      '!A{"code":"bad_input","message":"No number","data":{"issues":[{"message":"No number","path":[]}]}}',
    ]);
    expect(heard).toEqual([1]);
    expect(stage.log.filter(({ level }) => level === "warn")).toMatchObject([{ message: "Message dropped" }]);
  });
});
