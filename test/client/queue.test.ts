import { describe, expect, test } from "vitest";
import { connect } from "../../src/client/connect.ts";
import { defineClient } from "../../src/service/service.ts";
import { expectNoUnhandledRejections, watch } from "../service/joined.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { createStage, open, welcome } from "./scripted.ts";

expectNoUnhandledRejections();

const error = (code: string): unknown => expect.objectContaining({ name: "PrismError", code });
const never = (): Promise<never> => new Promise(() => {});

describe("what waits for the connection", () => {
  test("is sent in order, calls and messages of all services", async () => {
    const stage = createStage();
    const { a, b } = stage.client;
    a.send(1);
    const calls = [watch(a.call(2)), watch(b.call(3))];
    b.send(4);
    calls.push(watch(a.call(() => 5)));
    await stage.clock.settle();
    stage.end().say(welcome());
    await stage.clock.settle();
    expect(stage.end().frames()).toEqual(["%@", "A1", "?A@2", "?@A3", "@4", "?AB5"]);
    stage.end().say("=A30", "=@20", "=B50");
    await stage.clock.settle();
    expect(calls.map(({ value }) => value)).toEqual([20, 30, 50]);
  });

  test("is what it was when it was sent", async () => {
    const stage = createStage();
    const body = { n: 1 };
    stage.client.a.send(body);
    void watch(stage.client.a.call(body));
    body.n = 2;
    await stage.clock.settle();
    stage.end().say(welcome());
    await stage.clock.settle();
    expect(stage.end().frames()).toEqual(["%@", 'A{"n":1}', '?A@{"n":1}']);
  });

  test("stands behind what services do at a reset", async () => {
    const stage = createStage();
    const { a, b } = stage.client;
    const end = await stage.opened();
    a.onreset(() => a.send("again"));
    b.onreset(() => void watch(b.call("again")));
    end.socket.close(1011);
    await stage.clock.settle();
    a.send("queued");
    stage.client.connection.on("status", () => b.send("listener"));
    await stage.clock.advance(500);
    stage.end().say(welcome());
    await stage.clock.settle();
    expect(stage.end().frames()).toEqual(["%@", 'A"again"', '?@@"again"', 'A"queued"', '@"listener"']);
  });

  test("is bounded", async () => {
    const stage = createStage({ queue: 2 });
    const { a } = stage.client;
    a.send(1);
    const second = watch(a.call(2));
    const third = watch(a.call(3));
    expect(() => a.send(4)).toThrow(expect.objectContaining({ code: "busy" }));
    await stage.clock.settle();
    expect(third.error).toEqual(error("busy"));
    expect(second).toEqual({});
    stage.end().say(welcome());
    await stage.clock.settle();
    expect(stage.end().frames()).toEqual(["%@", "A1", "?A@2"]);
  });

  test("makes room when it is settled", async () => {
    const stage = createStage({ queue: 1 });
    const { a } = stage.client;
    const controller = new AbortController();
    const aborted = watch(a.call(1, { signal: controller.signal }));
    controller.abort(new Error("why"));
    const timed = watch(a.call(2, { timeout: 10 }));
    await stage.clock.settle();
    expect(aborted.error).toMatchObject({ code: "cancelled", cause: { message: "why" } });
    await stage.clock.advance(10);
    expect(timed.error).toEqual(error("timeout"));
    a.send(3);
    stage.end().say(welcome());
    await stage.clock.settle();
    expect(stage.end().frames()).toEqual(["%@", "A3"]);
  });

  test("is not sent where it is no longer wanted", async () => {
    const stage = createStage();
    const controller = new AbortController();
    void watch(stage.client.a.call(1, { signal: controller.signal, items: [1] }));
    stage.client.a.send(2);
    controller.abort();
    await stage.clock.settle();
    stage.end().say(welcome());
    await stage.clock.settle();
    expect(stage.end().frames()).toEqual(["%@", "A2"]);
  });

  test("holds 1,024 where nothing else is said", async () => {
    const { client } = createStage();
    for (let i = 0; i < 1024; i++) client.a.send(i);
    expect(() => client.a.send(1024)).toThrow("More than 1024 wait");
  });

  test("fails with closed when the client is closed", async () => {
    const stage = createStage();
    const call = watch(stage.client.a.call(1));
    stage.client.connection.close();
    const late = watch(stage.client.a.call(2));
    expect(() => stage.client.a.send(3)).toThrow(expect.objectContaining({ code: "closed" }));
    await stage.clock.settle();
    expect([call.error, late.error]).toEqual([error("closed"), error("closed")]);
    expect(stage.clock.timers).toBe(0);
  });

  test("may be what a half sends as it is made", async () => {
    const clock = new FakeClock();
    const statuses: string[] = [];
    const greeter = defineClient({
      kind: "open",
      client: (host) => {
        statuses.push(host.status);
        host.send("here");
        return { answer: watch(host.call("ask")) };
      },
    });
    const stage = createStage({ lazy: true });
    const client = connect("ws://host", {
      services: { a: greeter },
      clock: stage.clock,
      dial: () => stage.accept("prism.1"),
    });
    await stage.opened();
    expect(stage.end().packets).toEqual(["%@", 'A"here"\x1e?A@"ask"']);
    expect(client).toHaveProperty("a.answer", {});
    expect(statuses).toEqual(["connecting"]);
    const lazy = { services: { a: greeter }, clock, dial: never, lazy: true };
    expect(() => connect("ws://host", lazy)).toThrow(expect.objectContaining({ code: "closed" }));
  });

  test("is thrown away by a client that is lazy, or closed", async () => {
    const stage = createStage({ lazy: true });
    const call = watch(stage.client.a.call(1));
    await stage.clock.settle();
    expect(call.error).toEqual(error("closed"));
    expect(stage.attempts).toEqual([]);
    expect(stage.client.connection.status).toBe("closed");
  });
});

describe("a call's time", () => {
  test("is 30 s where nothing is said, waiting included", async () => {
    const stage = createStage();
    const call = watch(stage.client.a.call(1));
    await stage.clock.advance(9_000);
    const end = await stage.opened();
    expect(end.packets).toEqual(["%@", "?A@1"]);
    await stage.clock.advance(20_999);
    expect(call).toEqual({});
    await stage.clock.advance(1);
    expect(call.error).toEqual(error("timeout"));
    expect(end.frames()).toContain("#@");
  });

  test("runs out in the queue", async () => {
    const stage = createStage({ timeout: 5_000 });
    stage.answer = never;
    stage.client.connection.close();
    stage.client.connection.open();
    const calls = [
      watch(stage.client.a.call(1)),
      watch(stage.client.a.call(2, { timeout: 100 })),
      watch(stage.client.a.call(3, { timeout: Infinity })),
      watch(stage.client.a.call(4, { timeout: 0 })),
    ];
    await stage.clock.settle();
    const due = [0, 100, 5_000].map((at) => at + stage.clock.now());
    const ended = [3, 1, 0];
    for (const [i, at] of due.entries()) {
      await stage.clock.advance(at - stage.clock.now());
      expect(calls[ended[i]!]?.error, `${at}`).toEqual(error("timeout"));
    }
    expect(calls[2]).toEqual({});
  });

  test("can be set for all and for one", async () => {
    const stage = createStage({ timeout: 1_000 });
    await stage.opened();
    const calls = [watch(stage.client.a.call(1)), watch(stage.client.a.call(1, { timeout: 2_000 }))];
    const forever = watch(stage.client.a.call(1, { timeout: Infinity }));
    await stage.clock.advance(1_000);
    expect([calls[0]?.error, calls[1]]).toEqual([error("timeout"), {}]);
    await stage.clock.advance(1_000);
    expect(calls[1]?.error).toEqual(error("timeout"));
    expect(forever).toEqual({});
  });
});

describe("a call that cannot be written", () => {
  const circular: unknown[] = [];
  circular.push(circular);

  test("fails by itself, open or not", async () => {
    const stage = createStage();
    const thrown = new Error("no body");
    const failing = (): never => {
      throw thrown;
    };
    const early = [watch(stage.client.a.call(circular)), watch(stage.client.a.call(failing))];
    const end = await stage.opened();
    const late = [watch(stage.client.a.call(circular)), watch(stage.client.a.call(failing))];
    await stage.clock.settle();
    expect([...early, ...late].map(({ error: each }) => each)).toEqual([
      expect.any(TypeError),
      thrown,
      expect.any(TypeError),
      thrown,
    ]);
    expect(end.frames()).toEqual([]);
  });

  test("does not keep hold of its signal", async () => {
    const stage = createStage();
    await stage.opened();
    const listeners = new Set<unknown>();
    const signal = {
      aborted: false,
      addEventListener: (_: string, listener: unknown) => void listeners.add(listener),
      removeEventListener: (_: string, listener: unknown) => void listeners.delete(listener),
    } as unknown as AbortSignal;
    void watch(stage.client.a.call(circular, { signal }));
    expect(listeners.size).toBe(0);
  });

  test("fails with closed when its body closes the client", async () => {
    const stage = createStage();
    const { connection } = stage.client;
    const closing = watch(stage.client.a.call(() => connection.close()));
    const behind = watch(stage.client.a.call(1));
    await stage.opened();
    expect([closing.error, behind.error]).toEqual([error("closed"), error("closed")]);
    expect(stage.heard).not.toContain("status open");
  });
});

describe("a call in flight", () => {
  test("fails with lost at a lost socket, and is not sent again", async () => {
    const stage = createStage();
    const end = await stage.opened();
    const call = watch(stage.client.a.call(1));
    await stage.clock.settle();
    expect(end.frames()).toEqual(["?A@1"]);
    end.socket.close(1011);
    await stage.clock.settle();
    expect(call.error).toEqual(error("lost"));
    await stage.clock.advance(500);
    stage.end().say(welcome());
    await stage.clock.settle();
    expect(stage.end().frames()).toEqual(["%@"]);
  });

  test("fails with closed at close, after what was sent is on its way", async () => {
    const stage = createStage();
    const end = await stage.opened();
    const call = watch(stage.client.a.call(1));
    stage.client.a.send(2);
    stage.client.connection.close();
    await stage.clock.settle();
    expect(call.error).toEqual(error("closed"));
    expect(end.frames()).toEqual(["?A@1", "A2"]);
    expect(end.closings).toEqual([{ code: 1000, reason: "" }]);
    expect(stage.clock.timers).toBe(0);
  });
});

test("a half answers calls once", () => {
  const { client } = createStage();
  client.a.oncall(() => 1);
  expect(() => client.a.oncall(() => 2)).toThrow("Service a answers calls already");
  expect(open.kind).toBe("open");
});
