import { describe, expect, test } from "vitest";
import { connect } from "../../src/client/connect.ts";
import { rpc } from "../../src/services/rpc/client.ts";
import { collect, expectNoUnhandledRejections, watch } from "../service/joined.ts";
import { createStage, welcome, type Stage } from "./scripted.ts";

expectNoUnhandledRejections();

const lost = { error: expect.objectContaining({ code: "lost" }) };
const calls = (frames: readonly string[]): string[] => frames.filter((frame) => frame.startsWith("?"));

/** Has the connection be lost, and gives what the next one is asked. */
async function lose(stage: Stage): Promise<string[]> {
  const end = await stage.next();
  end.say(welcome({ resume: "u1" }));
  await stage.clock.settle();
  return calls(end.frames());
}

describe("a call that may be made again", () => {
  test("is made again once for each connection that is lost", async () => {
    const stage = createStage();
    await stage.opened({ resume: "t1" });
    const call = watch(stage.client.a.call("go", { idempotent: true }));
    await stage.clock.settle();
    for (let i = 0; i < 3; i++) expect(await lose(stage)).toEqual(['?A@"go"']);
    expect(call).toEqual({});
    stage.end().say('=@"done"');
    await stage.clock.settle();
    expect(call).toEqual({ value: "done" });
    expect(await lose(stage)).toEqual([]);
  });

  test("is made again where the connection ends with its socket, too, behind what has waited", async () => {
    const stage = createStage();
    const first = await stage.opened({ resume: undefined });
    const call = watch(stage.client.a.call("go", { idempotent: () => true }));
    await stage.clock.settle();
    first.socket.close(4002);
    await stage.clock.settle();
    const other = watch(stage.client.a.call("new"));
    await stage.clock.advance(250);
    const second = stage.end();
    second.say(welcome());
    await stage.clock.settle();
    expect(calls(second.frames())).toEqual(['?A@"go"', '?AA"new"']);
    second.say("=@1", "=A2");
    await stage.clock.settle();
    expect([call, other]).toEqual([{ value: 1 }, { value: 2 }]);
  });

  test("is not made again where the socket alone was lost", async () => {
    const stage = createStage();
    await stage.opened({ resume: "t1" });
    const call = watch(stage.client.a.call("go", { idempotent: true }));
    await stage.clock.settle();
    const end = await stage.next();
    end.say(welcome({ resumed: true, resume: "t2", received: 1, services: undefined }));
    await stage.clock.settle();
    expect([calls(end.frames()), call]).toEqual([[], {}]);
  });

  test.each([false, () => false, undefined])("must say so: %s", async (idempotent) => {
    const stage = createStage();
    await stage.opened({ resume: "t1" });
    const call = watch(stage.client.a.call("go", { idempotent }));
    await stage.clock.settle();
    expect(await lose(stage)).toEqual([]);
    expect(call).toEqual(lost);
  });

  test("is not where items came, or were to go", async () => {
    const stage = createStage();
    const first = await stage.opened({ resume: "t1" });
    const down = collect(stage.client.a.call("down", { idempotent: true }));
    const up = watch(stage.client.a.call("up", { idempotent: true, items: [1] }));
    await stage.clock.settle();
    first.say("<@1");
    await stage.clock.settle();
    expect(await lose(stage)).toEqual([]);
    expect([down.items, down.end, up]).toEqual([[1], lost, lost]);
  });

  test("is not once nobody waits for it", async () => {
    const stage = createStage();
    await stage.opened({ resume: "t1" });
    const abort = new AbortController();
    const early = watch(stage.client.a.call("early", { idempotent: true, signal: abort.signal }));
    const late = watch(stage.client.a.call("late", { idempotent: true, timeout: 1_000 }));
    await stage.clock.settle();
    const end = await stage.next(4002);
    abort.abort();
    await stage.clock.advance(1_000);
    end.say(welcome());
    await stage.clock.settle();
    expect(calls(end.frames())).toEqual([]);
    expect([early, late]).toEqual(
      ["cancelled", "timeout"].map((code) => ({ error: expect.objectContaining({ code }) })),
    );
  });

  test("fails with lost where no more may wait, and with closed where the client closes", async () => {
    const stage = createStage({ queue: 1 });
    const first = await stage.opened({ resume: "t1" });
    const [one, two] = ["one", "two"].map((body) => watch(stage.client.a.call(body, { idempotent: true })));
    await stage.clock.settle();
    first.socket.close(4002);
    await stage.clock.settle();
    expect([one, two]).toEqual([{}, lost]);
    stage.client.connection.close();
    await stage.clock.settle();
    expect(one).toEqual({ error: expect.objectContaining({ code: "closed" }) });
  });
});

test("procedures say so in their table, and stand where the new one has them", async () => {
  const stage = createStage({ lazy: true });
  const client = connect("ws://host", {
    services: { math: rpc() },
    clock: stage.clock,
    dial: () => stage.accept("prism.1"),
  }) as unknown as { readonly math: Record<"add" | "pay", (input: unknown) => Promise<unknown>> };
  const table = (...names: string[]): Record<string, unknown> => ({
    resume: "t",
    services: { math: [0, "rpc", names] },
  });
  const first = await stage.opened(table("pay", "add*"));
  const add = watch(client.math.add(1));
  const pay = watch(client.math.pay(2));
  await stage.clock.settle();
  expect(calls(first.packets.flatMap((packet) => (packet as string).split("\x1e")))).toEqual(["?@@A1", "?@A@2"]);
  const second = await stage.next();
  second.say(welcome(table("add", "pay*")));
  await stage.clock.settle();
  expect(calls(second.frames())).toEqual(["?@@@1"]);
  expect([add, pay]).toEqual([{}, lost]);
});
