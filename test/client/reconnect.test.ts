import { afterEach, describe, expect, test, vi } from "vitest";
import type { Socket } from "../../src/socket/socket.ts";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { createStage, type Stage } from "./scripted.ts";

expectNoUnhandledRejections();

const refuse = (): Promise<never> => Promise.reject(new Error("no route"));

/** How long the client waited before each attempt but the first, by the clock. */
const waits = ({ attempts }: Stage): number[] => attempts.slice(1).map(({ at }, i) => Math.round(at - attempts[i]!.at));

describe("the wait before another attempt", () => {
  test.each([
    [0, [0, 0, 0, 0, 0, 0]],
    [0.5, [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]],
    [0.999_999, [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]],
  ])("is a share of %d of a bound that doubles", async (chance, expected) => {
    const stage = createStage({ lazy: true });
    stage.clock.chance = chance;
    stage.answer = (attempt) => {
      if (stage.attempts.length > expected.length) stage.client.connection.close();
      void attempt;
      return refuse();
    };
    stage.client.connection.open();
    await stage.clock.advance(60_000);
    expect(waits(stage)).toEqual(expected);
  });

  test("is bound by what the options say", async () => {
    const stage = createStage({ lazy: true, reconnect: { min: 10, max: 25 } });
    stage.clock.chance = 0.999_999;
    stage.answer = refuse;
    stage.client.connection.open();
    await stage.clock.advance(81);
    expect(waits(stage)).toEqual([10, 20, 25, 25]);
  });

  test("stays bound after very many attempts", async () => {
    const stage = createStage({ lazy: true, reconnect: { min: 1, max: 1 } });
    let left = 1_100;
    stage.answer = () => {
      if (--left === 0) stage.client.connection.close();
      return refuse();
    };
    stage.client.connection.open();
    await stage.clock.advance(550);
    expect(stage.attempts).toHaveLength(1_100);
  });

  test("begins anew after a connection that lived, and goes on after one that did not", async () => {
    const stage = createStage();
    for (const [lived, wait] of [
      [4_999, 250],
      [0, 500],
      [4_999, 1_000],
      [5_000, 250],
      [0, 500],
      [60_000, 250],
    ] as const) {
      const end = await stage.opened({ heartbeat: 600_000 });
      await stage.clock.advance(lived);
      end.socket.close(1011);
      await stage.clock.advance(wait - 1);
      const before = stage.attempts.length;
      await stage.clock.advance(1);
      expect(stage.attempts.length - before, `${lived}`).toBe(1);
    }
  });

  test("doubles again after a connection that lived", async () => {
    const stage = createStage();
    const end = await stage.opened();
    await stage.clock.advance(20_000);
    stage.answer = refuse;
    end.socket.close(1011);
    await stage.clock.advance(3_750);
    expect(waits(stage).slice(1)).toEqual([500, 1_000, 2_000]);
  });

  test("begins anew when the client is opened anew", async () => {
    const stage = createStage({ lazy: true });
    stage.answer = refuse;
    stage.client.connection.open();
    await stage.clock.advance(10_000);
    const before = stage.attempts.length;
    stage.client.connection.close();
    stage.client.connection.open();
    await stage.clock.advance(250);
    expect(stage.attempts.length - before).toBe(2);
  });

  test("is cut short by open, once", async () => {
    const stage = createStage();
    const end = await stage.opened();
    end.socket.close(1011);
    await stage.clock.settle();
    stage.client.connection.open();
    stage.client.connection.open();
    await stage.clock.settle();
    expect(stage.attempts).toHaveLength(2);
    await stage.opened();
    stage.client.connection.open();
    await stage.clock.advance(20_000);
    expect(stage.attempts).toHaveLength(2);
  });
});

describe("a close code", () => {
  test.each([1000, 1008])("%d is for good", async (code) => {
    const stage = createStage();
    const end = await stage.opened();
    end.socket.close(code, "done");
    await stage.clock.advance(60_000);
    expect(stage.client.connection.status).toBe("closed");
    expect(stage.heard).toEqual(["status closed", `closed ${code} (closed)`]);
    expect(stage.attempts).toHaveLength(1);
  });

  test.each([1001, 1002, 1005, 1006, 1007, 1009, 1011, 1012, 1013, 3000, 4001, 4002, 4003, 4004, 4999])(
    "%d makes it come back",
    async (code) => {
      const stage = createStage();
      const end = await stage.opened();
      end.socket.close(code);
      await stage.clock.settle();
      expect(stage.heard).toEqual(["status suspended", `suspended ${code} (suspended)`]);
      await stage.clock.advance(250);
      await stage.opened();
      expect(stage.client.connection.status).toBe("open");
    },
  );

  test.each([1000, 1008])("%d before the welcome is for good, too", async (code) => {
    const stage = createStage();
    await stage.clock.settle();
    stage.end().socket.close(code);
    await stage.clock.advance(60_000);
    expect(stage.heard).toEqual(["status closed", `closed ${code} (closed)`]);
    expect(stage.attempts).toHaveLength(1);
    expect(stage.clock.timers).toBe(0);
  });

  test("1001 before the welcome is an attempt that failed", async () => {
    const stage = createStage();
    await stage.clock.settle();
    stage.end().socket.close(1001);
    await stage.clock.advance(250);
    expect(stage.client.connection.status).toBe("connecting");
    expect(stage.heard).toEqual([]);
    expect(stage.attempts).toHaveLength(2);
  });

  test("4003 is the client's own where it hears nothing", async () => {
    const stage = createStage();
    const end = await stage.opened({ heartbeat: 1_000 });
    await stage.clock.advance(12_000);
    expect(end.frames()).toContain("(");
    expect(end.closings).toEqual([{ code: 4003, reason: "Heartbeat missed" }]);
    expect(stage.heard.slice(0, 2)).toEqual(["status suspended", "suspended 4003 (suspended)"]);
  });
});

describe("a dial", () => {
  test("that fails is tried without subprotocols, and then with them again", async () => {
    const stage = createStage({ lazy: true });
    stage.answer = refuse;
    stage.client.connection.open();
    await stage.clock.advance(4_000);
    expect(stage.attempts.map(({ protocols }) => protocols)).toEqual([["prism.1"], [], ["prism.1"], [], ["prism.1"]]);
    expect(stage.logged[0]).toEqual({ message: "No socket to ws://host/prism", data: new Error("no route") });
    stage.answer = ({ protocols }) => (protocols.length > 0 ? refuse() : stage.accept());
    await stage.clock.advance(10_000);
    expect(stage.end().frames()).toEqual(['${"hello":1}']);
    await stage.opened();
    expect(stage.client.connection.status).toBe("open");
    // What worked is tried first the next time.
    stage.end().socket.close(1011);
    await stage.clock.advance(10_000);
    expect(stage.attempts.at(-1)?.protocols).toEqual([]);
  });

  test("that throws is one that failed", async () => {
    const stage = createStage({ lazy: true });
    stage.answer = () => {
      throw new Error("thrown");
    };
    stage.client.connection.open();
    await stage.clock.advance(250);
    expect(stage.attempts).toHaveLength(2);
    expect(stage.logged[0]?.data).toEqual(new Error("thrown"));
  });

  test("may answer at once", async () => {
    const stage = createStage();
    await stage.opened();
    expect(stage.client.connection.status).toBe("open");
  });

  test("that never settles is given up, and its signal aborted", async () => {
    const stage = createStage({ lazy: true });
    stage.answer = () => new Promise(() => {});
    stage.client.connection.open();
    await stage.clock.advance(9_999);
    expect(stage.attempts.map(({ signal }) => signal.aborted)).toEqual([false]);
    await stage.clock.advance(1);
    expect(stage.attempts.map(({ signal }) => signal.aborted)).toEqual([true]);
    expect(stage.logged).toEqual([
      { message: "No socket to ws://host/prism", data: new Error("Not connected in time") },
    ]);
    await stage.clock.advance(250);
    expect(stage.attempts.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    expect(stage.attempts[1]?.protocols).toEqual([]);
    stage.client.connection.close();
    expect(stage.attempts.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    expect(stage.clock.timers).toBe(0);
  });

  test.each(["given up", "closed"])("that answers late, when it was %s, has its socket closed", async (how) => {
    const stage = createStage({ lazy: true });
    let resolve!: (socket: Socket) => void;
    stage.answer = () => new Promise((settle) => (resolve = settle));
    stage.client.connection.open();
    if (how === "closed") stage.client.connection.close();
    else await stage.clock.advance(10_000);
    const late = resolve;
    late(stage.accept("prism.1"));
    await stage.clock.settle();
    expect(stage.end().closings).toEqual([{ code: 1000, reason: "" }]);
    expect(stage.client.connection.status).toBe(how === "closed" ? "closed" : "connecting");
  });

  test("that fails late, when it was given up, changes nothing", async () => {
    const stage = createStage({ lazy: true });
    let reject!: (error: Error) => void;
    stage.answer = () => new Promise((_, fail) => (reject = fail));
    stage.client.connection.open();
    stage.client.connection.close();
    reject(new Error("late"));
    await stage.clock.advance(60_000);
    expect(stage.logged).toEqual([]);
    expect(stage.attempts).toHaveLength(1);
  });
});

describe("when the network or the tab comes back", () => {
  const listeners = new Map<string, () => void>();
  const target = {
    addEventListener: (type: string, listener: () => void) => void listeners.set(type, listener),
    removeEventListener: (type: string, listener: () => void) => {
      if (listeners.get(type) === listener) listeners.delete(type);
    },
  };
  const page = { ...target, visibilityState: "hidden" };

  const createPage = (options?: Parameters<typeof createStage>[0]): Stage => {
    for (const [name, value] of Object.entries({ ...target, document: page })) vi.stubGlobal(name, value);
    return createStage(options);
  };

  afterEach(() => {
    vi.unstubAllGlobals();
    listeners.clear();
    page.visibilityState = "hidden";
  });

  test("the client tries at once", async () => {
    const stage = createPage({ lazy: true });
    expect(listeners.size).toBe(0);
    stage.answer = refuse;
    stage.client.connection.open();
    await stage.clock.settle();
    expect([...listeners.keys()].toSorted()).toEqual(["offline", "online", "pagehide", "visibilitychange"]);
    listeners.get("online")!();
    await stage.clock.settle();
    expect(stage.attempts).toHaveLength(2);
    listeners.get("visibilitychange")!();
    await stage.clock.settle();
    expect(stage.attempts).toHaveLength(2);
    page.visibilityState = "visible";
    listeners.get("visibilitychange")!();
    await stage.clock.settle();
    expect(stage.attempts).toHaveLength(3);
    expect(new Set(stage.attempts.map(({ at }) => at)).size).toBe(1);
  });

  test("the client asks whether its socket still works", async () => {
    const stage = createPage();
    const end = await stage.opened();
    listeners.get("online")!();
    await stage.clock.settle();
    expect(end.frames()).toEqual(["("]);
    expect(stage.attempts).toHaveLength(1);
  });

  test("the client says nothing before its welcome, and does not dial twice", async () => {
    const stage = createPage();
    listeners.get("online")!();
    await stage.clock.settle();
    listeners.get("online")!();
    await stage.clock.settle();
    expect(stage.end().frames()).toEqual([]);
    expect(stage.attempts).toHaveLength(1);
  });

  test("a client that is closed does not hear of it", async () => {
    const stage = createPage();
    await stage.opened();
    const online = listeners.get("online")!;
    stage.client.connection.close();
    expect(listeners.size).toBe(0);
    stage.client.connection.open();
    expect(listeners.size).toBe(4);
    expect(listeners.get("online")).not.toBe(online);
    stage.client.connection.close();
    expect(listeners.size).toBe(0);
  });
});
