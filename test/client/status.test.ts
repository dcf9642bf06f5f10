import { describe, expect, test } from "vitest";
import { connect } from "../../src/client/connect.ts";
import { expectNoUnhandledRejections, watch } from "../service/joined.ts";
import { createStage, welcome, type Stage } from "./scripted.ts";

expectNoUnhandledRejections();

const error = (code: string): unknown => expect.objectContaining({ name: "PrismError", code });
const never = (): Promise<never> => new Promise(() => {});

describe("what is said of the connection", () => {
  test("opening", async () => {
    const { clock, client, end, heard } = createStage();
    expect(client.connection.status).toBe("connecting");
    await clock.settle();
    expect(heard).toEqual([]);
    end().say(welcome());
    await clock.settle();
    expect(heard).toEqual(["status open", "open"]);
  });

  test("losing it and getting it back", async () => {
    const stage = createStage();
    const resets: string[] = [];
    stage.client.a.onreset(() => void resets.push(`a ${stage.client.a.status}`));
    stage.client.b.onreset(() => void resets.push(`b ${stage.client.b.status}`));
    const end = await stage.opened();
    expect(resets).toEqual([]);
    end.socket.close(1011, "why");
    await stage.clock.settle();
    expect(stage.heard).toEqual(["status suspended", "suspended 1011 (suspended)"]);
    await stage.opened();
    await stage.clock.advance(250);
    stage.end().say(welcome());
    await stage.clock.settle();
    expect(stage.heard).toEqual(["status open", "reset", "open"]);
    expect(resets).toEqual(["a open", "b open"]);
  });

  test("closing, and opening again", async () => {
    const stage = createStage();
    await stage.opened();
    const { connection } = stage.client;
    connection.close();
    connection.close();
    expect(stage.heard).toEqual(["status closed", "closed 1000 (closed)"]);
    stage.heard.length = 0;
    connection.open();
    connection.open();
    await stage.clock.settle();
    expect(stage.heard).toEqual(["status connecting"]);
    stage.end().say(welcome());
    await stage.clock.settle();
    expect(stage.heard).toEqual(["status connecting", "status open", "reset", "open"]);
    expect(stage.ends).toHaveLength(2);
  });

  test("a first attempt that fails is not said", async () => {
    const stage = createStage({ lazy: true });
    stage.answer = () => Promise.reject(new Error("no route"));
    stage.client.connection.open();
    await stage.clock.advance(60_000);
    expect(stage.heard).toEqual(["status connecting"]);
  });

  test("a close by the server that is for good", async () => {
    const stage = createStage();
    const end = await stage.opened();
    const call = watch(stage.client.a.call(1));
    end.socket.close(1008, "Session ended");
    await stage.clock.settle();
    expect(stage.heard).toEqual(["status closed", "closed 1008 (closed)"]);
    expect(call.error).toMatchObject({ code: "closed", message: "Session ended" });
    expect(stage.clock.timers).toBe(0);
  });
});

describe("a listener", () => {
  test("that throws, or rejects, is logged, and the others go on", async () => {
    const stage = createStage();
    const { connection, a } = stage.client;
    const heard: string[] = [];
    const thrown = [new Error("open"), new Error("message"), new Error("reset"), new Error("late")];
    const failing = (i: number) => () => {
      throw thrown[i];
    };
    connection.on("open", failing(0));
    connection.on("open", () => void heard.push("open"));
    connection.on("open", async () => failing(3)());
    a.onmessage(failing(1));
    a.onmessage(() => void heard.push("message"));
    a.onreset(failing(2));
    const end = await stage.opened();
    end.say("A1");
    await stage.clock.settle();
    end.socket.close(1011);
    await stage.opened();
    await stage.clock.advance(1_000);
    stage.end().say(welcome());
    await stage.clock.settle();
    expect(heard).toEqual(["open", "message", "open"]);
    expect(stage.logged.map(({ service, message, data }) => [service, message, data])).toEqual([
      [undefined, "A listener failed", thrown[0]],
      [undefined, "A listener failed", thrown[3]],
      ["a", "A listener failed", thrown[1]],
      ["a", "A listener failed", thrown[2]],
      [undefined, "A listener failed", thrown[0]],
      [undefined, "A listener failed", thrown[3]],
    ]);
  });

  test("hears nothing once it is off", async () => {
    const stage = createStage();
    const heard: string[] = [];
    const off = stage.client.connection.on("status", (status) => void heard.push(status));
    off();
    off();
    await stage.opened();
    expect(heard).toEqual([]);
  });

  test.each(["status", "reset", "open"] as const)("to %s may close the client, and no more is said", async (name) => {
    const stage = createStage();
    const end = await stage.opened();
    end.socket.close(1011);
    await stage.clock.advance(500);
    stage.heard.length = 0;
    stage.client.connection.on(name, () => stage.client.connection.close());
    stage.end().say(welcome(), "A1");
    await stage.clock.settle();
    const order = ["status open", "reset", "open"];
    const at = order.indexOf(name === "status" ? "status open" : name);
    expect(stage.heard).toEqual([...order.slice(0, at + 1), "status closed", "closed 1000 (closed)"]);
    expect(stage.clock.timers).toBe(0);
  });

  test("to a service's reset may close the client", async () => {
    const stage = createStage();
    const end = await stage.opened();
    end.socket.close(1011);
    await stage.clock.advance(500);
    const queued = watch(stage.client.b.call(1));
    stage.heard.length = 0;
    stage.client.a.onreset(() => stage.client.connection.close());
    stage.end().say(welcome());
    await stage.clock.settle();
    expect(stage.heard).toEqual(["status closed", "closed 1000 (closed)"]);
    expect(queued.error).toEqual(error("closed"));
  });

  test.each(["status", "suspended"] as const)(
    "to %s may try at once, and only one socket comes of it",
    async (name) => {
      const stage = createStage();
      const end = await stage.opened();
      stage.client.connection.on(name, () => {
        if (stage.client.connection.status === "suspended") stage.client.connection.open();
      });
      end.socket.close(1011);
      await stage.clock.settle();
      await stage.opened();
      await stage.clock.advance(20_000);
      expect(stage.attempts).toHaveLength(2);
      expect(stage.client.connection.status).toBe("open");
    },
  );

  test.each(["status", "suspended"] as const)("to %s may close a client that has lost its socket", async (name) => {
    const stage = createStage();
    const end = await stage.opened();
    stage.client.connection.on(name, () => stage.client.connection.close());
    end.socket.close(1011);
    await stage.clock.advance(60_000);
    expect(stage.heard.filter((event) => event.startsWith("status"))).toEqual(["status suspended", "status closed"]);
    expect(stage.heard.at(-1)).toBe("closed 1000 (closed)");
    expect(stage.attempts).toHaveLength(1);
    expect(stage.clock.timers).toBe(0);
  });

  test.each(["status", "closed"] as const)("to %s may open a client that is closed", async (name) => {
    const stage = createStage();
    const end = await stage.opened();
    const off = stage.client.connection.on(name, () => {
      if (stage.client.connection.status === "closed") stage.client.connection.open();
    });
    end.socket.close(1008);
    await stage.clock.settle();
    off();
    expect(stage.client.connection.status).toBe("connecting");
    await stage.opened();
    expect(stage.client.connection.status).toBe("open");
    expect(stage.attempts).toHaveLength(2);
  });

  test("to the connecting status may close it again", async () => {
    const stage = createStage({ lazy: true });
    stage.client.connection.on("status", (status) => {
      if (status === "connecting") stage.client.connection.close();
    });
    stage.client.connection.open();
    await stage.clock.advance(60_000);
    expect(stage.heard).toEqual(["status connecting", "status closed", "closed 1000 (closed)"]);
    expect(stage.clock.timers).toBe(0);
  });
});

describe("the log", () => {
  test("hears of messages that cannot be read", async () => {
    const stage = createStage();
    const end = await stage.opened();
    const messages: unknown[] = [];
    stage.client.a.onmessage((body) => void messages.push(body));
    end.say("A{", "A2");
    await stage.clock.settle();
    expect(messages).toEqual([2]);
    expect(stage.logged).toEqual([{ message: "Unreadable message", service: "a", data: expect.any(SyntaxError) }]);
  });

  test("hears of handlers that fail, and what a half says", async () => {
    const stage = createStage();
    const end = await stage.opened();
    stage.client.a.oncall(() => {
      throw new Error("why");
    });
    stage.client.a.log("said", 1);
    end.say("?A@1", "?AA{");
    await stage.clock.settle();
    expect(end.frames()).toEqual(['!@{"code":"internal"}', '!A{"code":"bad_input"}']);
    expect(stage.logged).toEqual([
      { message: "said", service: "a", data: 1 },
      { message: "A handler failed", service: "a", data: new Error("why") },
    ]);
  });

  test("may throw", async () => {
    const log = (): never => {
      throw new Error("the log");
    };
    const stage = createStage({ log });
    stage.client.connection.on("open", log);
    const end = await stage.opened({ services: { b: [0, "open"] } });
    end.say("@{", "@1");
    await stage.clock.settle();
    expect(stage.client.connection.status).toBe("open");
    end.say("*");
    await stage.clock.settle();
    expect(stage.client.connection.status).toBe("suspended");
  });
});

describe("opened", () => {
  test("settles when it is open, and at once when it is already", async () => {
    const stage = createStage();
    const first = watch(stage.client.connection.opened);
    await stage.clock.settle();
    expect(first).toEqual({});
    const values: unknown[] = [];
    void stage.client.connection.opened.then(() => values.push("opened"));
    await stage.opened();
    expect(first).toEqual({ value: undefined });
    await stage.client.connection.opened;
    expect(values).toEqual(["opened"]);
  });

  test("rejects when the client stops before", async () => {
    const stage = createStage();
    const opened = watch(stage.client.connection.opened);
    stage.client.connection.close();
    await stage.clock.settle();
    expect(opened.error).toEqual(error("closed"));
  });

  test("waits for a client that is lazy", async () => {
    const stage = createStage({ lazy: true });
    const opened = watch(stage.client.connection.opened);
    await stage.clock.advance(60_000);
    expect(opened).toEqual({});
    stage.client.connection.open();
    await stage.opened();
    expect(opened).toEqual({ value: undefined });
  });

  test("may be looked at by somebody who does not wait", async () => {
    const stage = createStage();
    const copy = { ...stage.client.connection };
    void stage.client.connection.opened;
    stage.client.connection.close();
    await stage.clock.settle();
    expect(Object.keys(copy).toSorted()).toEqual(["close", "drained", "on", "open", "opened", "refreshAuth", "status"]);
  });
});

describe("closed and opened at every moment", () => {
  const moments: Record<string, (stage: Stage) => Promise<unknown> | void> = {
    "as it is made": () => {},
    "before the welcome": (stage) => stage.clock.settle(),
    "when it is open": (stage) => stage.opened(),
    "when its socket is lost": async (stage) => {
      (await stage.opened()).socket.close(1011);
      await stage.clock.settle();
    },
    "while a dial does not settle": async (stage) => {
      stage.answer = never;
      (await stage.opened()).socket.close(1011);
      await stage.clock.advance(500);
    },
    "when it is closed": (stage) => stage.client.connection.close(),
  };

  test.each(Object.keys(moments))("%s", async (moment) => {
    const stage = createStage();
    const { connection } = stage.client;
    await moments[moment]!(stage);
    stage.answer = () => stage.accept("prism.1");
    const before = stage.ends.length;
    connection.close();
    connection.open();
    connection.close();
    connection.open();
    expect(connection.status).toBe("connecting");
    await stage.clock.settle();
    for (const end of stage.ends.slice(0, -1)) expect(end.closings).toHaveLength(1);
    expect(stage.ends.length - before).toBeGreaterThan(0);
    await stage.opened();
    expect(connection.status).toBe("open");
    await stage.clock.advance(20_000);
    expect(connection.status).toBe("open");
    connection.close();
    await stage.clock.settle();
    expect(connection.status).toBe("closed");
    expect(stage.end().closings).toEqual([{ code: 1000, reason: "" }]);
    expect(stage.clock.timers).toBe(0);
  });
});

test("services stand beside the connection, under any name", () => {
  const half = { kind: "open", client: () => "api" };
  const client = connect("ws://host", { services: { status: half, open: half }, lazy: true, dial: never });
  expect(client).toEqual({ connection: client.connection, status: "api", open: "api" });
});
