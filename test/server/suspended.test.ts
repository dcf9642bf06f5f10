import { describe, expect, test } from "vitest";
import type { PrismError } from "../../mod.ts";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { createHearing, lose, watch } from "./returning.ts";

expectNoUnhandledRejections();

const lost = expect.objectContaining({ name: "PrismError", code: "lost" }) as PrismError;

describe("a connection without a socket", () => {
  test.each([1001, 1006, 1012, 4003, 4001, 1005, 3000])("waits after %d", async (code) => {
    const { join, heard, handles, app } = createHearing();
    const first = await join();
    await lose(first, code);
    expect(heard).toEqual(["connect", "suspend"]);
    expect(handles[0]).toMatchObject({ closed: false, suspended: true });
    expect(app.stats()).toMatchObject({ connections: 1, suspended: 1 });
  });

  test.each([1000, 1002, 1007, 1008, 1009, 4002, 4004])("does not wait after %d", async (code) => {
    const { join, heard, handles, clock } = createHearing();
    await lose(await join(), code);
    expect(heard).toEqual(["connect", "disconnect"]);
    expect(handles[0]).toMatchObject({ closed: true, suspended: false });
    expect(clock.timers).toBe(0);
  });

  test("is told of first as suspended, then as resumed, each once", async () => {
    const { join, again, app, handles, log } = createHearing();
    const told: unknown[] = [];
    for (const name of ["connect", "suspend", "resume", "disconnect"] as const) {
      app.events.on(name, (connection) =>
        told.push([name, connection === handles[0], connection.suspended, connection.closed]),
      );
    }
    const first = await join();
    await lose(first);
    const second = await again(first.token, 0);
    await lose(await again(second.token, 0), 1000);
    expect(told).toEqual([
      // Services hear of it behind the bus.
      ["connect", false, false, false],
      ["suspend", true, true, false],
      ["resume", true, false, false],
      ["disconnect", true, false, true],
    ]);
    const messages = log.filter(({ level }) => level === "info").map(({ message }) => message);
    expect(messages).toEqual(["Connected", "Suspended", "Resumed", "Disconnected"]);
  });

  test("ends after resumeWithin, with a reset", async () => {
    const { join, again, clock, heard, handles, app } = createHearing();
    const first = await join();
    await lose(first, 4003);
    await clock.advance(119_999);
    expect(heard).toEqual(["connect", "suspend"]);
    await clock.advance(1);
    expect(heard).toEqual(["connect", "suspend", "reset", "disconnect"]);
    expect(handles[0]).toMatchObject({ closed: true, suspended: false });
    expect(app.stats()).toMatchObject({ connections: 0, suspended: 0 });
    expect((await again(first.token, 0)).welcome.resumed).toBe(false);
  });

  test("has its whole time again whenever it loses a socket", async () => {
    const { join, again, clock, heard } = createHearing({ resumeWithin: 1_000 });
    let last = await join();
    for (let i = 0; i < 3; i++) {
      await lose(last);
      await clock.advance(999);
      last = await again(last.token, 0);
      await clock.advance(5_000);
    }
    expect(heard).toEqual(["connect", "suspend", "resume", "suspend", "resume", "suspend", "resume"]);
  });

  test.each([
    [{ patience: 3_000 }, 3_000],
    [{ patience: 3_000, resumeWithin: 2_000 }, 2_000],
  ])("whose client never said anything ends after patience: %j", async (limits, within) => {
    const { visit, again, clock, heard } = createHearing(limits);
    const first = await visit();
    await lose(first);
    await clock.advance(within - 1);
    expect(heard).toEqual(["connect", "suspend"]);
    await clock.advance(1);
    expect(heard).toEqual(["connect", "suspend", "reset", "disconnect"]);
    expect((await again(first.token, 0)).welcome.resumed).toBe(false);
  });

  test("is the one that misses its heartbeat, and a silent socket does not keep its time from beginning", async () => {
    const { join, clock, heard } = createHearing({ heartbeat: 1_000, patience: 500, resumeWithin: 10_000 });
    await join();
    await clock.advance(3_000);
    expect(heard).toEqual(["connect", "suspend"]);
    await clock.advance(10_000);
    expect(heard).toEqual(["connect", "suspend", "reset", "disconnect"]);
  });

  test("can be closed, and is told of no reset but once", async () => {
    const { join, handles, heard, clock } = createHearing();
    await lose(await join());
    handles[0]!.close("enough");
    expect(heard).toEqual(["connect", "suspend", "reset", "disconnect"]);
    await clock.advance(200_000);
    expect([heard.length, clock.timers]).toEqual([4, 0]);
  });
});

describe("what is sent to it", () => {
  test("is kept, unless it is volatile, and only the last of what is conflated", async () => {
    const { join, again, host } = createHearing();
    const first = await join();
    await lose(first);
    host.broadcast("kept");
    host.broadcast("dropped", { volatile: true });
    host.broadcast("older", { conflate: "key" });
    host.broadcast("newer", { conflate: "key" });
    host.broadcast("other", { conflate: "other" });
    host.broadcast("kept, too");
    const second = await again(first.token, 0);
    expect(second.frames).toEqual(['@"kept"', '@"kept, too"', '@"newer"', '@"other"']);
    host.broadcast("not dropped", { volatile: true });
    expect(await second.peer.say("%D")).toEqual(['@"not dropped"']);
  });

  test.each([
    ["frames", { replayFrames: 4 }, 4],
    ["characters", { replayLimit: 12 }, 4],
  ])("ends it where it is more than may be kept: %s", async (_, limits, most) => {
    const { join, again, host, heard, clock, log } = createHearing(limits);
    const first = await join();
    await lose(first);
    for (let i = 0; i < most; i++) host.broadcast(10 + i);
    clock.turn();
    expect(heard).toEqual(["connect", "suspend"]);
    host.broadcast(1);
    clock.turn();
    expect(heard).toEqual(["connect", "suspend", "reset", "disconnect"]);
    expect(log.at(-1)).toMatchObject({
      message: "Disconnected",
      data: { code: 4002, reason: "Too much while suspended" },
    });
    expect((await again(first.token, 0)).welcome.resumed).toBe(false);
    await lose(first);
    await clock.advance(1_000);
    expect(heard.filter((one) => one === "disconnect")).toHaveLength(1);
  });

  test("counts with what was sent before and is not acknowledged", async () => {
    const { join, clock, host, heard } = createHearing({ replayFrames: 4 });
    const first = await join();
    for (let i = 0; i < 3; i++) host.broadcast(i);
    await first.peer.say();
    await lose(first);
    host.broadcast(3);
    clock.turn();
    expect(heard).toEqual(["connect", "suspend"]);
    host.broadcast(4);
    clock.turn();
    expect(heard).toEqual(["connect", "suspend", "reset", "disconnect"]);
  });

  test("ends it where more is conflated than may be sent", async () => {
    const { join, host, heard } = createHearing({ sendLimit: 100 });
    await lose(await join());
    for (let i = 0; i < 4; i++) host.broadcast("x".repeat(20), { conflate: `${i}` });
    expect(heard).toEqual(["connect", "suspend"]);
    host.broadcast("x".repeat(20), { conflate: "4" });
    expect(heard).toEqual(["connect", "suspend", "reset", "disconnect"]);
  });

  test("is what drained() waits for: it holds producers until there is a socket", async () => {
    const { join, again, handles, clock } = createHearing();
    const first = await join();
    await handles[0]!.drained();
    await lose(first);
    const waits = watch(handles[0]!.drained());
    await clock.advance(60_000);
    expect(waits).toEqual({});
    await again(first.token, 0);
    expect(waits).toEqual({ value: "done" });
  });

  test("is never sent where it has ended: drained() rejects", async () => {
    const { join, handles, clock } = createHearing();
    await lose(await join());
    const waits = watch(handles[0]!.drained());
    await clock.advance(120_000);
    expect(waits).toEqual({ error: lost });
    await expect(handles[0]!.drained()).rejects.toEqual(lost);
  });
});
