import { describe, expect, test } from "vitest";
import { prism } from "../../mod.ts";
import { expectNoUnhandledRejections, watch } from "../service/joined.ts";
import { admit, ask, createOpen, createStage, enter, join, RawPeer } from "./raw.ts";

expectNoUnhandledRejections();

function setUp() {
  const stage = createStage();
  const open = createOpen();
  const app = prism(stage.options).service("it", open.service);
  return { ...stage, app, host: open.host() };
}

describe("close", () => {
  test("ends every connection with 1001, and lets go of everything", async () => {
    const { app, clock, host } = setUp();
    const heard: string[] = [];
    host.ondisconnect(() => void heard.push("disconnect"));
    host.onclose(() => void heard.push("close"));
    const peers = [await join(app, clock), await join(app, clock)];
    host.broadcast("last");
    const call = watch(host.call([...host.connections][0]!, 1));
    await app.close();
    for (const peer of peers) await peer.say();
    expect(peers.map(({ closings }) => closings)).toEqual([
      [{ code: 1001, reason: "Closing" }],
      [{ code: 1001, reason: "Closing" }],
    ]);
    expect(heard).toEqual(["disconnect", "disconnect", "close"]);
    expect(call.error).toMatchObject({ code: "lost" });
    expect(app.stats().connections).toBe(0);
    expect(clock.timers).toBe(0);
  });

  test("sends what was waiting first", async () => {
    const { app, clock, host } = setUp();
    const peer = await join(app, clock);
    host.broadcast("last");
    void app.close();
    expect(await peer.say()).toEqual(['@"last"']);
  });

  test("ends sockets that wait for a hello, and hears no hello any more", async () => {
    const { app, clock } = setUp();
    const peer = await enter(app, clock, { protocols: undefined });
    const closed = app.close();
    await peer.say('${"hello":1}');
    await closed;
    expect(peer.closings).toEqual([{ code: 1001, reason: "Closing" }]);
    expect(app.stats().connections).toBe(0);
    expect(clock.timers).toBe(0);
  });

  test("refuses who comes, and closes who was let in before", async () => {
    const { app, clock } = setUp();
    const early = await admit(app, { protocols: "prism.1" });
    const closed = app.close();
    expect(await ask(app)).toHaveProperty("status", 503);
    const peer = new RawPeer(clock);
    early.open(peer.far);
    await closed;
    expect(await peer.say()).toEqual([]);
    expect(peer.closings).toEqual([{ code: 1001, reason: "Closing" }]);
    expect(app.stats().connections).toBe(0);
  });

  test("closes who is let in by a hook that takes its time", async () => {
    const stage = createStage();
    let open!: () => void;
    const gate = new Promise<undefined>((resolve) => (open = () => resolve(undefined)));
    const app = prism({ ...stage.options, admit: () => gate });
    const admitting = admit(app, { protocols: "prism.1" });
    await app.close();
    open();
    const peer = new RawPeer(stage.clock);
    (await admitting).open(peer.far);
    await peer.say();
    expect(peer.closings).toEqual([{ code: 1001, reason: "Closing" }]);
  });

  test("waits for services, and goes on when one fails", async () => {
    const { app, host, clock } = setUp();
    const errors: unknown[] = [];
    const heard: string[] = [];
    app.events.on("error", (error) => void errors.push(error));
    let open!: () => void;
    const gate = new Promise<void>((resolve) => (open = resolve));
    host.onclose(() => {
      throw new Error("first");
    });
    host.onclose(() => gate.then(() => Promise.reject(new Error("second"))));
    host.onclose(() => void heard.push("third"));
    const off = host.onclose(() => void heard.push("never"));
    off();
    const closed = watch(app.close());
    await clock.settle();
    expect([closed, heard]).toEqual([{}, []]);
    open();
    await clock.settle();
    expect(closed).toEqual({ value: undefined });
    expect(heard).toEqual(["third"]);
    expect(errors).toEqual([new Error("first"), new Error("second")]);
  });

  test("again is the same", async () => {
    const { app, host } = setUp();
    let closings = 0;
    host.onclose(() => void closings++);
    const first = app.close();
    expect(app.close()).toBe(first);
    await first;
    await app.close();
    expect(closings).toBe(1);
  });

  test("tells handlers that nobody waits any more", async () => {
    const { app, clock, host } = setUp();
    const reasons: unknown[] = [];
    host.oncall((_, { signal }) => {
      signal.addEventListener("abort", () => reasons.push(signal.reason));
      return new Promise(() => {});
    });
    const peer = await join(app, clock);
    await peer.say("?@@1");
    await app.close();
    expect(reasons).toEqual([expect.objectContaining({ code: "cancelled" })]);
  });
});

test("stats count connections, and frames both ways", async () => {
  const { app, clock, host } = setUp();
  host.oncall((body) => body);
  expect(app.stats()).toEqual({ connections: 0, suspended: 0, received: 0, sent: 0 });
  const peer = await join(app, clock);
  expect(app.stats()).toEqual({ connections: 1, suspended: 0, received: 1, sent: 1 });
  await peer.say("?@@1", "?@A1", "@1");
  expect(app.stats()).toEqual({ connections: 1, suspended: 0, received: 4, sent: 3 });
  const other = await join(app, clock);
  other.socket.close(1001);
  await other.say();
  expect(app.stats()).toEqual({ connections: 2, suspended: 1, received: 5, sent: 4 });
  peer.socket.close(1000);
  await peer.say();
  expect(app.stats()).toEqual({ connections: 1, suspended: 1, received: 5, sent: 4 });
});

test("a silent client is found, one that answers is not", async () => {
  const { app, clock } = setUp();
  const [silent, lively] = [await join(app, clock), await join(app, clock)];
  lively.socket.onmessage = () => lively.socket.send(")");
  await clock.advance(36_000);
  expect(silent.frames()).toContain("(");
  expect(silent.closings).toEqual([{ code: 4003, reason: "Heartbeat missed" }]);
  await clock.advance(200_000);
  expect(lively.closings).toEqual([]);
  expect(app.stats().connections).toBe(1);
});
