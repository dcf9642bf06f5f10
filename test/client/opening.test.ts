import { describe, expect, test } from "vitest";
import { expectNoUnhandledRejections, watch } from "../service/joined.ts";
import { createStage, table, welcome } from "./scripted.ts";

expectNoUnhandledRejections();

const error = (code: string): unknown => expect.objectContaining({ name: "PrismError", code });
const manifest = { hash: "hash-1", services: { a: [3, "open", "known"], b: [0, "open"] } };

describe("the offer", () => {
  test("is the version, and the manifest where there is one", async () => {
    expect(createStage().attempts).toMatchObject([{ url: "ws://host/prism", protocols: ["prism.1"] }]);
    expect(createStage({ manifest }).attempts[0]?.protocols).toEqual(["prism.1", "prism.manifest.hash-1"]);
  });

  test("is not said again where the version was selected", async () => {
    const { clock, end } = createStage({ manifest });
    await clock.settle();
    expect(end().frames()).toEqual([]);
  });

  test.each([undefined, "", "other"])("is said in a hello where %j was selected", async (protocol) => {
    const stage = createStage({ manifest });
    stage.answer = () => stage.accept(protocol);
    stage.client.connection.close();
    stage.client.connection.open();
    await stage.clock.settle();
    expect(stage.end().frames()).toEqual(['${"hello":1,"manifest":"hash-1"}']);
  });

  test("names no manifest where there is none", async () => {
    const stage = createStage({ lazy: true });
    stage.answer = () => stage.accept();
    stage.client.connection.open();
    await stage.clock.settle();
    expect(stage.end().frames()).toEqual(['${"hello":1}']);
  });
});

describe("the welcome", () => {
  test("is answered at once, before anything else", async () => {
    const { clock, client, end } = createStage();
    const call = client.a.call("early");
    client.b.send("message");
    await clock.settle();
    expect(end().frames()).toEqual([]);
    end().say(welcome());
    await clock.settle();
    expect(end().frames()).toEqual(["%@", '?A@"early"', '@"message"']);
    end().say("=@1");
    await clock.settle();
    expect(await call).toBe(1);
  });

  test("comes in one packet with other frames", async () => {
    const { clock, client, end } = createStage();
    const messages: unknown[] = [];
    client.a.onmessage((body) => void messages.push([body, client.connection.status, client.a.init]));
    client.b.oncall((body) => ({ body }));
    await clock.settle();
    end().say(welcome(), "A1", '?@@"ask"', "(", "A2");
    await clock.settle();
    expect(messages).toEqual([
      [1, "open", "init"],
      [2, "open", "init"],
    ]);
    expect(end().frames()).toEqual(["%@", ")", '=@{"body":"ask"}']);
  });

  test("may leave out services that are known", async () => {
    const stage = createStage({ manifest });
    const end = await stage.opened({ services: undefined });
    stage.client.a.send(1);
    await stage.clock.settle();
    expect(end.frames()).toEqual(["C1"]);
    expect(stage.client.a.init).toBe("known");
  });

  test("is believed rather than the manifest", async () => {
    const stage = createStage({ manifest });
    const end = await stage.opened();
    stage.client.a.send(1);
    await stage.clock.settle();
    expect(end.frames()).toEqual(["A1"]);
    expect(stage.client.a.init).toBe("init");
  });

  test.each([
    ["of another version", welcome({ welcome: 2 })],
    ["without services that are known", welcome({ services: undefined })],
    ["with null for services", welcome({ services: null })],
    ["with a number for services", welcome({ services: 7 })],
    ["with a service that is no list", welcome({ services: { a: 7 } })],
    ["with a service without a number", welcome({ services: { a: [] } })],
    ["with a number that is a name", welcome({ services: { a: ["length", "open"] } })],
    ["with a number below 0", welcome({ services: { a: [-1, "open"] } })],
    ["with half a number", welcome({ services: { a: [0.5, "open"] } })],
    ["with a number over 2^31 − 1", welcome({ services: { a: [2 ** 31, "open"] } })],
    ["without a heartbeat", welcome({ heartbeat: undefined })],
    ["without a packet", welcome({ packet: "many" })],
    ["that is no object", "$[]"],
    ["that is no JSON", "${"],
  ])("%s is answered with 4004, and another attempt", async (_, frame) => {
    const { clock, client, end, ends, logged, heard } = createStage({ reconnect: { min: 100 } });
    await clock.settle();
    end().say(frame);
    await clock.settle();
    expect(end().closings).toEqual([{ code: 4004, reason: expect.stringMatching(/^Malformed/) }]);
    expect(end().frames()).toEqual([]);
    expect(client.connection.status).toBe("connecting");
    expect(logged).toEqual([]);
    expect(heard).toEqual([]);
    await clock.advance(50);
    expect(ends).toHaveLength(2);
    expect(client.connection.status).toBe("connecting");
  });

  test.each([
    ["a counted frame", "@1"],
    ["a result", "=@1"],
    ["an acknowledgement", "%@"],
  ])("is not preceded by %s", async (_, frame) => {
    const { clock, end, ends } = createStage();
    await clock.settle();
    end().say(frame, welcome());
    await clock.settle();
    expect(end().closings).toEqual([{ code: 4004, reason: "Frame before the welcome" }]);
    await clock.advance(500);
    expect(ends).toHaveLength(2);
  });

  test("comes once", async () => {
    const stage = createStage();
    const end = await stage.opened();
    const call = watch(stage.client.a.call(1));
    end.say(welcome());
    await stage.clock.settle();
    expect(end.closings).toEqual([{ code: 4004, reason: "Second welcome" }]);
    expect(stage.heard).toEqual(["status suspended", "suspended 4004 (suspended)"]);
    expect(call.error).toEqual(error("lost"));
  });

  test("is waited for as long as a handshake may take", async () => {
    const { clock, end, ends, client } = createStage();
    await clock.settle();
    end().say("(", "${}");
    await clock.advance(9_999);
    expect(end().closings).toEqual([]);
    await clock.advance(1);
    expect(end().closings).toEqual([{ code: 4003, reason: "No welcome" }]);
    expect(client.connection.status).toBe("connecting");
    await clock.advance(250);
    expect(ends).toHaveLength(2);
  });

  test("ends the wait for it", async () => {
    const stage = createStage();
    const end = await stage.opened();
    await stage.clock.advance(10_000);
    expect(end.closings).toEqual([]);
    expect(stage.client.connection.status).toBe("open");
  });
});

describe("a service that the server", () => {
  test.each([
    ["does not have", { b: [0, "open"] }],
    ["has of another kind", { b: [0, "open"], a: [1, "rpc"] }],
  ])("%s cannot be called", async (_, services) => {
    const stage = createStage();
    const early = watch(stage.client.a.call("early"));
    const end = await stage.opened({ services });
    const late = watch(stage.client.a.call("late"));
    stage.client.a.send("dropped");
    stage.client.b.send("sent");
    await stage.clock.settle();
    expect(early.error).toEqual(error("not_found"));
    expect(late.error).toEqual(error("not_found"));
    expect(end.frames()).toEqual(['@"sent"']);
    expect(stage.logged).toEqual([{ message: "No such service", service: "a", data: undefined }]);
  });

  test("has of another kind does not reach the client's", async () => {
    const stage = createStage();
    const messages: unknown[] = [];
    stage.client.a.onmessage((body) => void messages.push(body));
    stage.client.a.oncall(() => "never");
    const end = await stage.opened({ services: { a: [1, "rpc"] } });
    end.say("A1", "?A@1", "?D@1");
    await stage.clock.settle();
    expect(messages).toEqual([]);
    expect(end.frames()).toEqual(['!@{"code":"not_found"}', '!@{"code":"not_found"}']);
  });

  test("calls without a handler hears not_found", async () => {
    const stage = createStage();
    const end = await stage.opened();
    end.say("?@@1");
    await stage.clock.settle();
    expect(end.frames()).toEqual(['!@{"code":"not_found"}']);
  });
});

describe("after a reconnect", () => {
  test("numbers and init are those of the new welcome", async () => {
    const stage = createStage();
    const { client, clock } = stage;
    const messages: unknown[] = [];
    client.a.onmessage((body) => void messages.push(body));
    const first = await stage.opened();
    first.socket.close(1011);
    await clock.settle();
    client.a.send("queued");
    const call = watch(client.a.call(() => ["with", client.a.init]));
    await clock.advance(500);
    const second = stage.end();
    expect(second).not.toBe(first);
    second.say(welcome({ services: { a: [33, "open", "other"], b: [2, "open"] } }));
    await clock.settle();
    expect(second.frames()).toEqual(["%@", 'aA"queued"', '?aA@["with","other"]']);
    second.say("A1", "aA2", "=@3");
    await clock.settle();
    expect(messages).toEqual([2]);
    expect(call.value).toBe(3);
  });

  test("a service may be gone, and be back", async () => {
    const stage = createStage();
    const { client, clock } = stage;
    for (const [services, code] of [
      [table, undefined],
      [{ b: [0, "open"] }, "not_found"],
      [table, undefined],
    ] as const) {
      const end = await stage.opened({ services });
      const call = watch(client.a.call(1));
      await clock.settle();
      end.say(code === undefined ? "=@1" : "(");
      await clock.settle();
      expect(call).toEqual(code === undefined ? { value: 1 } : { error: error(code) });
      end.socket.close(1001);
      await clock.advance(10_000);
    }
  });
});

test("a packet no larger than the server takes is sent, and a frame that is too large fails by itself", async () => {
  const stage = createStage();
  const end = await stage.opened({ packet: 64 });
  const calls = ["x".repeat(20), "x".repeat(40), "x".repeat(80)].map((body) => watch(stage.client.a.call(body)));
  expect(() => stage.client.a.send("x".repeat(80))).toThrow(expect.objectContaining({ code: "too_large" }));
  await stage.clock.settle();
  expect(calls[2]?.error).toEqual(error("too_large"));
  expect(end.packets.slice(1).map(({ length }) => length)).toEqual([25, 45]);
  expect(calls[0]).toEqual({});
});

test("a socket of no known make is a failed attempt", async () => {
  const stage = createStage({ lazy: true });
  stage.answer = () => undefined as never;
  stage.client.connection.open();
  await stage.clock.settle();
  expect(stage.logged).toEqual([
    { message: "No socket to ws://host/prism", service: undefined, data: expect.any(TypeError) },
  ]);
  stage.answer = () => stage.accept("prism.1");
  await stage.clock.advance(500);
  await stage.opened();
  expect(stage.client.connection.status).toBe("open");
});
