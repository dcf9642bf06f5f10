import { afterEach, describe, expect, test, vi } from "vitest";
import type { Socket } from "../../src/socket/socket.ts";
import { expectNoUnhandledRejections, watch } from "../service/joined.ts";
import { createStage, resumed, welcome, type ServerEnd, type Stage } from "./scripted.ts";

expectNoUnhandledRejections();

/** A client that is told that its socket is going to be closed within a time; `chance` decides when it moves. */
async function draining(within: number, chance = 0.5): Promise<Stage & { readonly first: ServerEnd }> {
  const stage = createStage();
  stage.clock.chance = chance;
  const first = await stage.opened({ resume: "t1" });
  first.say(`\${"draining":${within}}`);
  await stage.clock.settle();
  return Object.assign(stage, { first });
}

describe("a server that drains", () => {
  test.each([
    [0, 0],
    [0.5, 2_500],
    [0.999_999, 5_000],
  ])("has the client open a second socket at a random moment of the first half, at %d", async (chance, wait) => {
    const stage = await draining(10_000, chance);
    expect(stage.attempts).toHaveLength(1);
    await stage.clock.advance(Math.max(0, wait - 1));
    expect(stage.attempts).toHaveLength(wait === 0 ? 2 : 1);
    await stage.clock.advance(1);
    expect(stage.attempts).toHaveLength(2);
    expect(stage.attempts[1]!.protocols).toEqual(["prism.1", "prism.resume.t1.0"]);
  });

  test("has it use the first until the second is welcomed, and then close it with 4001", async () => {
    const stage = await draining(1_000);
    const { first, client } = stage;
    await stage.clock.advance(250);
    client.a.send("before");
    await stage.clock.settle();
    expect(first.frames()).toEqual(['A"before"']);
    const second = stage.end();
    expect(second.packets).toEqual([]);
    second.say(resumed({ received: 1 }));
    await stage.clock.settle();
    client.a.send("after");
    await stage.clock.settle();
    expect(second.packets).toEqual(["%@", 'A"after"']);
    expect(first.closings).toEqual([{ code: 4001, reason: "" }]);
    expect([stage.heard, client.connection.status]).toEqual([[], "open"]);
    first.socket.close(1012);
    await stage.clock.advance(10_000);
    expect(stage.attempts).toHaveLength(2);
  });

  test("that cannot resume there keeps the client on the first, which tries on", async () => {
    const stage = await draining(1_000);
    const { first, client } = stage;
    await stage.clock.advance(250);
    const call = watch(client.a.call("go"));
    const second = stage.end();
    second.say(welcome({ resume: "u1" }));
    await stage.clock.settle();
    expect(second.closings).toEqual([{ code: 1000, reason: "" }]);
    expect(second.packets).toEqual([]);
    first.say('=@"done"');
    await stage.clock.settle();
    expect([call, stage.heard, first.closings]).toEqual([{ value: "done" }, [], []]);
    await stage.clock.advance(250);
    expect(stage.attempts).toHaveLength(3);
    expect(stage.attempts[2]!.protocols[1]).toBe("prism.resume.t1.1");
  });

  test("and closes the second without a welcome has the client try on beside the first", async () => {
    const stage = await draining(1_000);
    await stage.clock.advance(250);
    stage.end().socket.close(1008);
    await stage.clock.advance(250);
    expect([stage.attempts.length, stage.client.connection.status]).toEqual([3, "open"]);
    expect(stage.heard).toEqual([]);
  });

  test("that closes with 1012 then is left at once", async () => {
    const stage = await draining(1_000);
    stage.first.socket.close(1012);
    await stage.clock.settle();
    expect(stage.attempts).toHaveLength(2);
    stage.end().say(resumed());
    await stage.clock.settle();
    expect(stage.heard.slice(2)).toEqual(["status open", "resumed"]);
    // What was to be for the first is no more.
    await stage.clock.advance(5_000);
    expect(stage.attempts).toHaveLength(2);
  });

  test.each(["dials", "opens"])("and closes while the second %s has the client wait for that one", async (how) => {
    const stage = await draining(1_000);
    let give!: (socket: Socket) => void;
    if (how === "dials") stage.answer = () => new Promise((resolve) => (give = resolve));
    await stage.clock.advance(250);
    stage.first.socket.close(1012);
    await stage.clock.advance(2_000);
    expect([stage.attempts.length, stage.client.connection.status]).toEqual([2, "suspended"]);
    if (how === "dials") give(stage.accept("prism.1"));
    await stage.clock.settle();
    stage.end().say(resumed());
    await stage.clock.settle();
    expect(stage.client.connection.status).toBe("open");
  });

  test.each(["dials", "opens"])(
    "and closes while the second %s is asked once more where that came too soon",
    async (how) => {
      const stage = await draining(1_000);
      let give!: (socket: Socket) => void;
      const { answer } = stage;
      if (how === "dials") stage.answer = () => new Promise((resolve) => (give = resolve));
      await stage.clock.advance(250);
      stage.first.socket.close(1012);
      await stage.clock.settle();
      if (how === "dials") give(stage.accept("prism.1"));
      await stage.clock.settle();
      stage.answer = answer;
      const early = stage.end();
      early.say(welcome({ resume: "u1" }));
      await stage.clock.settle();
      expect([early.closings, early.packets]).toEqual([[{ code: 1000, reason: "" }], []]);
      expect(stage.attempts).toHaveLength(3);
      // The answer to that counts.
      stage.end().say(welcome({ resume: "u2" }));
      await stage.clock.settle();
      expect(stage.heard.slice(2)).toEqual(["status open", "reset", "open"]);
    },
  );

  test("is waited for at random where it did not say so", async () => {
    for (const code of [1001, 1012]) {
      const stage = createStage();
      const first = await stage.opened({ resume: "t1" });
      first.socket.close(code);
      await stage.clock.advance(249);
      expect(stage.attempts).toHaveLength(1);
      await stage.clock.advance(1);
      expect(stage.attempts).toHaveLength(2);
    }
  });

  test.each(["1e999", "-1e999", "-5"])("may say how long it likes: %s", async (within) => {
    const stage = createStage();
    const first = await stage.opened({ resume: "t1" });
    first.say(`\${"draining":${within}}`);
    await stage.clock.settle();
    expect([stage.logged, first.closings]).toEqual([[], []]);
    stage.client.connection.close();
    expect(stage.clock.timers).toBe(0);
  });

  test("has nothing left to wait for when the client is closed", async () => {
    for (const wait of [100, 250]) {
      const stage = await draining(1_000);
      await stage.clock.advance(wait);
      stage.client.connection.close();
      await stage.clock.settle();
      expect(stage.ends.map(({ closings }) => closings)).toEqual(stage.ends.map(() => [{ code: 1000, reason: "" }]));
      expect(stage.clock.timers).toBe(0);
    }
  });
});

describe("a ping that is not answered", () => {
  test("for two seconds has another socket tried, beside the first", async () => {
    const stage = createStage();
    const first = await stage.opened({ resume: "t1", heartbeat: 5_000 });
    await stage.clock.advance(5_000);
    expect(first.frames()).toEqual(["("]);
    await stage.clock.advance(1_999);
    expect(stage.attempts).toHaveLength(1);
    await stage.clock.advance(1);
    expect(stage.attempts).toHaveLength(2);
    expect(first.closings).toEqual([]);
    stage.end().say(resumed());
    await stage.clock.settle();
    expect([first.closings, stage.heard]).toEqual([[{ code: 4001, reason: "" }], []]);
  });

  test("but by any frame in time, does not", async () => {
    for (const frame of [")", "A1"]) {
      const stage = createStage();
      const first = await stage.opened({ resume: "t1", heartbeat: 5_000 });
      await stage.clock.advance(6_900);
      first.say(frame);
      await stage.clock.advance(1_000);
      expect(stage.attempts).toHaveLength(1);
    }
  });

  test("has the first go on where the other comes to nothing", async () => {
    const stage = createStage();
    const first = await stage.opened({ resume: "t1", heartbeat: 5_000 });
    stage.answer = () => Promise.reject(new Error("no route"));
    await stage.clock.advance(7_000);
    first.say(")");
    await stage.clock.advance(2_000);
    expect([stage.attempts.length, first.closings, stage.heard]).toEqual([2, [], []]);
    const call = watch(stage.client.a.call("go"));
    await stage.clock.settle();
    first.say('=@"ok"');
    await stage.clock.settle();
    expect(call).toEqual({ value: "ok" });
  });

  test("leaves no timer behind", async () => {
    const stage = createStage();
    await stage.opened({ resume: "t1", heartbeat: 5_000 });
    await stage.clock.advance(5_500);
    stage.client.connection.close();
    expect(stage.clock.timers).toBe(0);
  });
});

describe("when the network or the tab comes back", () => {
  afterEach(() => vi.unstubAllGlobals());

  test.each(["online", "visibilitychange"])("after %s the socket is asked, and another tried soon", async (event) => {
    const listeners = new Map<string, () => void>();
    const target = {
      addEventListener: (type: string, listener: () => void) => void listeners.set(type, listener),
      removeEventListener: () => {},
    };
    vi.stubGlobal("addEventListener", target.addEventListener);
    vi.stubGlobal("document", { ...target, visibilityState: "visible" });
    const stage = createStage();
    const first = await stage.opened({ resume: "t1" });
    listeners.get(event)!();
    await stage.clock.settle();
    expect(first.frames()).toEqual(["("]);
    await stage.clock.advance(2_000);
    expect(stage.attempts.map(({ protocols }) => protocols[1])).toEqual([undefined, "prism.resume.t1.0"]);
    stage.end().say(resumed());
    await stage.clock.settle();
    expect(stage.heard).toEqual([]);
  });
});

describe("a page", () => {
  const listeners = new Map<string, (event: object) => void>();

  const createPage = (onLine: boolean): Stage => {
    vi.stubGlobal("addEventListener", (type: string, listener: () => void) => void listeners.set(type, listener));
    vi.stubGlobal("navigator", { onLine });
    return createStage();
  };

  afterEach(() => vi.unstubAllGlobals());

  test("that is offline, and hears nothing, says so soon, and does not try before it is online", async () => {
    const stage = createPage(false);
    await stage.opened({ resume: "t1" });
    listeners.get("offline")!({});
    await stage.clock.advance(1_999);
    expect(stage.heard).toEqual([]);
    await stage.clock.advance(1);
    expect(stage.heard).toEqual(["status suspended", "suspended 4003 (suspended)"]);
    expect(stage.attempts).toHaveLength(1);
  });

  test("that is left for good is done at once; one that is kept for the way back is not", async () => {
    const stage = createPage(true);
    const end = await stage.opened({ resume: "t1" });
    listeners.get("pagehide")!({ persisted: true });
    await stage.clock.settle();
    expect(end.closings).toEqual([]);
    listeners.get("pagehide")!({ persisted: false });
    await stage.clock.settle();
    expect(end.closings).toEqual([{ code: 1000, reason: "" }]);
    expect(stage.heard).toEqual([]);
  });
});

test("a client that is closed has no timer left, whatever it waited for", async () => {
  const stage = createStage();
  await stage.clock.settle();
  stage.client.connection.close();
  expect(stage.clock.timers).toBe(0);
  stage.client.connection.open();
  const end = await stage.opened({ resume: "t1" });
  // An acknowledgement is put off.
  end.say("A1");
  await stage.clock.settle();
  stage.client.connection.close();
  expect(stage.clock.timers).toBe(0);
  stage.client.connection.open();
  await stage.opened({ resume: "t1" });
  stage.end().socket.close(1006);
  await stage.clock.settle();
  stage.client.connection.close();
  expect(stage.clock.timers).toBe(0);
});
