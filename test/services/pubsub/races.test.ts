import { describe, expect, test } from "vitest";
import { lose } from "../../server/returning.ts";
import { join as enter, type RawPeer } from "../../server/raw.ts";
import { createStage, type StageOptions, type TestApp } from "./stage.ts";

/** Something that is answered when the test says so. */
function createLatch<Value>() {
  const waiting: ((value: Value) => void)[] = [];
  return {
    wait: () => new Promise<Value>((resolve) => void waiting.push(resolve)),
    answer: (value: Value) => {
      for (const resolve of waiting.splice(0)) resolve(value);
    },
    get size() {
      return waiting.length;
    },
  };
}

async function createRaw(options: StageOptions = {}) {
  const stage = createStage(options);
  const app = stage.open();
  await stage.clock.settle();
  const idle = stage.hub.size;
  const enterOne = (): Promise<RawPeer> => enter(app, stage.clock, { headers: { name: "raw" } });
  const peer = await enterOne();
  let id = 0;
  /** Calls without waiting; ids are not used again. */
  const call = (body: string, of = peer): Promise<string[]> =>
    of.say(`?@${String.fromCharCode(0x40 + (id++ % 32))}${body}`);
  /** The frames that came, but for those that say where a channel stands that had no message before. */
  const messages = async (): Promise<string[]> => (await peer.say()).filter((frame) => !frame.startsWith("@&"));
  return { ...stage, app, peer, call, enterOne, messages, idle };
}

/** What is left of an app when everybody has gone: nothing but what its service itself listens to. */
async function expectNothingLeft({ clock, hub, happened, failures, app, idle }: Left): Promise<void> {
  await clock.advance(20_000);
  const count = (name: string): number => happened.filter((one) => one.startsWith(`${name} `)).length;
  expect(count("channelclose")).toBe(count("channelopen"));
  expect(count("unsubscribe")).toBe(count("subscribe"));
  expect(failures()).toEqual([]);
  for (const room of ["a", "b"])
    expect((await app.services.rooms.channel("kept/:room", { room }).members()).size).toBe(0);
  // What is kept of the past goes in its time.
  await clock.advance(700_000);
  expect(hub.size).toBe(idle);
  await app.close();
  expect(hub.size).toBe(0);
}

interface Left extends Pick<ReturnType<typeof createStage>, "clock" | "hub" | "happened" | "failures"> {
  readonly app: TestApp;
  /** How many channels the hub knows for a node that nobody is connected to. */
  readonly idle: number;
}

describe.each(["unsubscribing", "kicking", "losing the connection", "closing the connection"] as const)("%s", (how) => {
  test.each([
    "while it is judged",
    "while presence is asked",
    "while its channel is opened",
    "while the past is read",
    "while the roll is read",
    "while it is followed",
    "once it is there",
  ] as const)("%s leaves nothing", async (when) => {
    const judged = createLatch<boolean>();
    const asked = createLatch<{ id: string }>();
    const step = createLatch<boolean>();
    const held = { "while its channel is opened": "subscribe", "while the past is read": "read" }[when as string];
    const roll = when === "while the roll is read";
    let open = false;
    const raw = await createRaw({
      gate: (what) => (!open && (what === held || (roll && what === "roll")) ? step.wait() : undefined),
      hooks: {
        subscribe: ({ room }) => (when === "while it is judged" && room === "a" ? judged.wait() : true),
        presence: () => (when === "while presence is asked" ? asked.wait() : { id: "raw" }),
      },
    });
    const { peer, call, app, clock, happened, messages } = raw;
    let handle: { close(): void } | undefined;
    app.events.on("subscribe", ({ connection }) => (handle = connection));
    await call(`+@{"c":"kept/a"${when === "while it is followed" || roll ? ',"p":1' : ""}}`);
    if (how === "unsubscribing") await call("-@");
    else if (how === "kicking") await app.services.rooms.channel("kept/:room", { room: "a" }).kick();
    else if (how === "closing the connection" && handle !== undefined) handle.close();
    else await lose({ peer });
    open = true;
    judged.answer(true);
    asked.answer({ id: "raw" });
    step.answer(true);
    await clock.settle();
    await app.services.rooms.publish("kept/a", 1);
    const frames = await peer.say();
    expect(frames.filter((frame) => /^@[@-_]/.test(frame))).toEqual([]);
    if (how === "unsubscribing" || how === "kicking") {
      // The number is another's from now on.
      expect(happened.at(-1) ?? "channelclose kept/a").toBe("channelclose kept/a");
      const again = await call('+@{"c":"plain/b"}');
      expect(again).toContain('@+{"s":0,"c":0}');
      await app.services.rooms.publish("plain/b", 2);
      expect(await messages()).toEqual(["@@2"]);
      await lose({ peer });
    }
    await expectNothingLeft(raw);
  });
});

test("one that ends while its past is read hears nothing of a channel that others keep open", async () => {
  const latch = createLatch<boolean>();
  let on = false;
  const raw = await createRaw({ gate: (what) => (on && what === "read" ? latch.wait() : undefined) });
  const { app, peer, call, messages } = raw;
  await app.services.rooms.publish("kept/a", 1);
  const other = await raw.enterOne();
  await call('+@{"c":"kept/a"}', other);
  on = true;
  await call('+@{"c":"kept/a","n":1}');
  expect(latch.size).toBe(1);
  await call("-@");
  on = false;
  latch.answer(true);
  await app.services.rooms.publish("kept/a", 2);
  expect((await messages()).filter((frame) => frame.startsWith("@"))).toEqual([]);
  await lose({ peer });
  await lose({ peer: other });
  await expectNothingLeft(raw);
});

describe("who hears of an event may end what it tells of:", () => {
  test.each(["channelopen", "subscribe"] as const)("%s", async (event) => {
    for (const how of ["kick", "close"]) {
      const raw = await createRaw();
      const { app, call, peer } = raw;
      let handle: { close(): void } | undefined;
      app.events.on("connect", (connection) => (handle = connection));
      const other = await raw.enterOne();
      app.events.on(event, () => {
        if (how === "kick") void app.services.rooms.channel("kept/:room", { room: "a" }).kick();
        else handle?.close();
      });
      await call('+@{"c":"kept/a"}', other);
      await lose({ peer });
      await lose({ peer: other });
      await expectNothingLeft(raw);
    }
  });

  test("a listener that holds the channel for a moment does not close it for others", async () => {
    const raw = await createRaw();
    const { app, call, peer, messages } = raw;
    app.events.on("channelopen", async () => {
      const off = await app.services.rooms.channel("kept/:room", { room: "a" }).subscribe(() => {});
      off();
    });
    await call('+@{"c":"kept/a"}');
    await app.services.rooms.publish("kept/a", 1);
    expect(await messages()).toEqual(["@@1"]);
    await lose({ peer });
    await expectNothingLeft(raw);
  });
});

describe("following", () => {
  test("that is asked for while the subscription is judged begins with it, and not before it is announced", async () => {
    const judged = createLatch<boolean>();
    const raw = await createRaw({ hooks: { subscribe: () => judged.wait() } });
    const { call, peer } = raw;
    await call('+@{"c":"kept/a"}');
    expect(await call("*@1")).toEqual(["=A"]);
    judged.answer(true);
    const frames = await peer.say();
    expect(frames.map((frame) => frame.slice(0, 2))).toEqual(["@+", "@*", "=@"]);
    await lose({ peer });
    await expectNothingLeft(raw);
  });

  test.each([["read", ["@+", "@*", "=@"]] as const, ["roll", ["@+"]] as const])(
    "that is asked for or taken back at a %s begins behind the announcement, or not at all",
    async (step, begun) => {
      const latch = createLatch<boolean>();
      let on = true;
      const raw = await createRaw({ gate: (what) => (on && what === step ? latch.wait() : undefined) });
      const { call, peer } = raw;
      const first = await call(`+@{"c":"kept/a"${step === "roll" ? ',"p":1' : ""}}`);
      const then = await call(step === "roll" ? "*@0" : "*@1");
      on = false;
      latch.answer(true);
      const last = await peer.say();
      const kinds = [...first, ...then, ...last].map((frame) => frame.slice(0, 2));
      expect(kinds.filter((kind) => kind !== "=A" && (step === "read" || kind !== "=@"))).toEqual(begun);
      await lose({ peer });
      await expectNothingLeft(raw);
    },
  );

  test("that is taken back meanwhile does not begin", async () => {
    const judged = createLatch<boolean>();
    const raw = await createRaw({ hooks: { subscribe: () => judged.wait() } });
    const { call, peer } = raw;
    await call('+@{"c":"kept/a","p":1}');
    await call("*@0");
    judged.answer(true);
    expect((await peer.say()).map((frame) => frame.slice(0, 2))).toEqual(["@+", "=@"]);
  });
});

test("a channel that is asked for anew under another number takes the place of the older one", async () => {
  const raw = await createRaw();
  const { call, peer, app, messages } = raw;
  await call('+@{"c":"kept/a"}');
  expect(await call('+A{"c":"kept/%61"}')).toHaveLength(2);
  await app.services.rooms.publish("kept/a", 1);
  expect(await messages()).toEqual(["@@1"]);
  expect(await call("@2")).toEqual(['!B{"code":"not_found","message":"No such subscription"}']);
  expect(await call('+A{"c":"kept/b"}')).toEqual(['!C{"code":"bad_input","message":"Subscription 1 is in use"}']);
  await lose({ peer });
  await expectNothingLeft(raw);
});

test("a connection has so many subscriptions, those included that are not judged yet", async () => {
  const judged = createLatch<boolean>();
  const raw = await createRaw({
    hooks: { subscribe: ({ room }) => (room === "slow" ? judged.wait() : true) },
    subscriptions: 2,
  });
  const { call, peer } = raw;
  await call('+@{"c":"kept/slow"}');
  await call('+A{"c":"kept/a"}');
  expect(await call('+B{"c":"kept/b"}')).toEqual(['!B{"code":"busy","message":"More than 2 subscriptions"}']);
  await call("-@");
  expect(await call('+B{"c":"kept/b"}')).toHaveLength(2);
  await lose({ peer });
  judged.answer(true);
  await expectNothingLeft(raw);
});

test("numbers of channels are used again, but for those of which something may still wait", async () => {
  const { call, peer, app } = await createRaw();
  peer.waiting = 2_000_000;
  await call('+@{"c":"plain/a"}');
  await app.services.rooms.publish("plain/a", 1, { conflate: "x" });
  await app.services.rooms.publish("plain/a", 2, { conflate: "x" });
  await app.services.rooms.publish("plain/a", 3, { volatile: true });
  await call("-@");
  await call('+@{"c":"plain/b"}');
  peer.drain();
  await app.services.rooms.publish("plain/b", 4);
  const frames = await peer.say();
  expect(frames.filter((frame) => frame.startsWith("@@"))).toEqual(["@@2"]);
  expect(frames.filter((frame) => frame.startsWith("@A"))).toEqual(["@A4"]);
  await call("-@");
  await call('+@{"c":"plain/c"}');
  await app.services.rooms.publish("plain/c", 5);
  expect(await peer.say()).toContain("@A5");
});

test("a slow client is sent the last of what conflates, and nothing of what is volatile; offsets stay right", async () => {
  const { join, app, clock, network } = await createRaw();
  const room = join(app, "x").rooms.channel("kept/:room", { room: "a" });
  const got: unknown[] = [];
  room.on((n, { offset }) => void got.push([n, offset]));
  const { publish } = app.services.rooms;
  await publish("kept/a", 0);
  await clock.advance(100);
  await publish("kept/a", 1);
  await publish("kept/a", 2, { volatile: true });
  await publish("kept/a", 3, { conflate: "é k" });
  await publish("kept/a", 4);
  await clock.advance(100);
  expect(got).toEqual([
    [1, 2],
    [2, undefined],
    [3, undefined],
    [4, 3],
  ]);
  for (const line of network.lines) line.cut();
  await clock.advance(1);
  await publish("kept/a", 5, { volatile: true });
  await publish("kept/a", 6, { conflate: "k" });
  await publish("kept/a", 7);
  await publish("kept/a", 8, { conflate: "k" });
  await clock.advance(5_000);
  await publish("kept/a", 9);
  await clock.advance(100);
  expect(got.slice(4).filter((one) => (one as unknown[])[1] !== undefined)).toEqual([
    [7, 4],
    [9, 5],
  ]);
  expect(got.slice(4).filter((one) => (one as unknown[])[1] === undefined)).toEqual([[8, undefined]]);
  // What is not kept is no part of the past.
  expect(
    (await app.services.rooms.channel("kept/:room", { room: "a" }).history()).map(({ message }) => message),
  ).toEqual([0, 1, 4, 7, 9]);
});

test("one that is left out counts all the same, live and recovered", async () => {
  const { open, join, clock, app } = await createRaw();
  let now = app;
  const ids: string[] = [];
  app.events.on("connect", ({ id }) => void ids.push(id));
  const clients = [join(() => now, "x"), join(() => now, "y")];
  const got: unknown[][] = [[], []];
  for (const [at, { rooms }] of clients.entries())
    rooms
      .channel("kept/:room", { room: "a" })
      .on((n, { offset, recovered }) => void got[at]!.push([n, offset, recovered]));
  await clock.advance(100);
  const except = ids[0]!;
  const out = Number(got.length > 0 && ids.length === 2);
  expect(out).toBe(1);
  await app.services.rooms.publish("kept/a", 1, { except });
  await app.services.rooms.publish("kept/a", 2);
  const next = open();
  now = next;
  // It goes on with its connection, and so with its id.
  void app.drain();
  for (let n = 3; n < 9; n++) {
    await next.services.rooms.publish("kept/a", n, n % 2 === 0 ? {} : { except });
    await clock.advance(500);
  }
  await clock.advance(30_000);
  const [less, more] = got.toSorted((a, b) => a.length - b.length);
  expect(less!.map((one) => (one as unknown[]).slice(0, 2))).toEqual([2, 4, 6, 8].map((n) => [n, n]));
  expect(more!.map((one) => (one as unknown[]).slice(0, 2))).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((n) => [n, n]));
});

test("one that was left out is told of the past what it was told then", async () => {
  const { app, call, enterOne } = await createRaw();
  let id = "";
  app.events.on("connect", (connection) => (id = connection.id));
  const peer = await enterOne();
  for (const n of [1, 2, 3]) await app.services.rooms.publish("kept/a", n, n === 2 ? { except: id } : {});
  const frames = await call('+@{"c":"kept/a","n":3}', peer);
  expect(frames.slice(1, 4)).toEqual(["@@1", "@.@", "@@3"]);
});

test("what a listener publishes while it hears comes to all in the same order", async () => {
  const { join, app, clock } = await createRaw();
  const { services } = app;
  await services.rooms.channel("kept/:room", { room: "a" }).subscribe((n) => {
    if (n < 5) void services.rooms.publish("kept/a", n + 10);
    throw new Error("A listener that fails");
  });
  services.rooms.on("kept/*", async (n) => {
    if (n === 1) await services.rooms.publish("kept/a", 20);
    throw new Error("Another");
  });
  const ears = [0, 1].map(() => {
    const got: number[] = [];
    join(app)
      .rooms.channel("kept/:room", { room: "a" })
      .on((n) => void got.push(n));
    return got;
  });
  const failed: string[] = [];
  app.events.on("error", (error) => void failed.push((error as Error).message));
  await clock.advance(100);
  await services.rooms.publish("kept/a", 100);
  await clock.advance(100);
  for (const got of ears) got.length = 0;
  failed.length = 0;
  await services.rooms.publish("kept/a", 1);
  await services.rooms.publish("kept/a", 2);
  await clock.advance(100);
  expect(ears[0]).toEqual([1, 11, 20, 2, 12]);
  expect(ears[1]).toEqual(ears[0]);
  expect(failed.filter((one) => one === "Another")).toHaveLength(5);
  expect(failed).toHaveLength(10);
});

test("bytes come as bytes, by name and by number, live and from the past", async () => {
  const { join, app, clock } = await createRaw();
  const room = join(app).rooms.channel("bytes/:room", { room: "a" });
  const got: unknown[] = [];
  room.on((bytes) => void got.push([...bytes]));
  await clock.advance(100);
  await app.services.rooms.publish("bytes/a", new Uint8Array([1, 10, 200]), { except: "é", conflate: "\n" });
  await app.services.rooms.publish("bytes/a", new Uint8Array([]));
  await clock.advance(100);
  expect(got).toEqual([[1, 10, 200], []]);
});
