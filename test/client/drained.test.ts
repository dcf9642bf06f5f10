import { describe, expect, test } from "vitest";
import { expectNoUnhandledRejections, watch } from "../service/joined.ts";
import { createStage, resumed, welcome, type ServerEnd, type Stage } from "./scripted.ts";

expectNoUnhandledRejections();

/** A client that has sent half of what it may keep, and waits for room. */
async function full(): Promise<Stage & { readonly first: ServerEnd; readonly drained: object }> {
  const stage = createStage({ replayLimit: 100 });
  const first = await stage.opened({ resume: "t1" });
  stage.client.a.send("x".repeat(47));
  const drained = watch(stage.client.connection.drained());
  await stage.clock.settle();
  expect(drained).toEqual({});
  return Object.assign(stage, { first, drained });
}

describe("drained", () => {
  test("settles at once while there is room", async () => {
    const stage = createStage({ replayLimit: 100 });
    await stage.opened({ resume: "t1" });
    stage.client.a.send("x".repeat(46));
    await stage.client.connection.drained();
  });

  test("settles with the acknowledgement", async () => {
    const stage = await full();
    stage.first.say("%A");
    await stage.clock.settle();
    expect(stage.drained).toEqual({ value: undefined });
  });

  test("waits for another socket, and for the acknowledgement there", async () => {
    const stage = await full();
    const second = await stage.next();
    const other = watch(stage.client.connection.drained());
    second.say(resumed());
    await stage.clock.settle();
    expect([stage.drained, other]).toEqual([{}, {}]);
    second.say("%A");
    await stage.clock.settle();
    expect([stage.drained, other]).toEqual([{ value: undefined }, { value: undefined }]);
  });

  test("waits for another connection, which has room", async () => {
    const stage = await full();
    const second = await stage.next(4002);
    expect(stage.drained).toEqual({});
    second.say(welcome());
    await stage.clock.settle();
    expect(stage.drained).toEqual({ value: undefined });
  });

  test("waits for the first opening", async () => {
    const stage = createStage();
    const drained = watch(stage.client.connection.drained());
    await stage.clock.settle();
    expect(drained).toEqual({});
    await stage.opened();
    expect(drained).toEqual({ value: undefined });
  });

  test("rejects when the client stops, with what it stopped for", async () => {
    const closed = { error: expect.objectContaining({ code: "closed" }) };
    const stage = await full();
    stage.client.connection.close();
    await stage.clock.settle();
    expect(stage.drained).toEqual(closed);
    const refused = await full();
    refused.first.socket.close(1008, "Session ended");
    await refused.clock.settle();
    expect(refused.drained).toEqual({ error: expect.objectContaining({ code: "closed", message: "Session ended" }) });
    await expect(createStage({ lazy: true }).client.connection.drained()).rejects.toMatchObject({ code: "closed" });
  });

  test("has what does not wait be sent all the same, up to what the server acknowledges", async () => {
    const stage = await full();
    stage.client.a.send("y".repeat(47));
    stage.client.a.send("z");
    await stage.clock.settle();
    expect(stage.first.frames()).toEqual([`A"${"x".repeat(47)}"`, `A"${"y".repeat(47)}"`]);
    stage.first.say("%A");
    await stage.clock.settle();
    expect(stage.first.frames()).toEqual(['A"z"']);
  });
});
