import { describe, expect, test } from "vitest";
import { createStage, hear } from "./stage.ts";

const kept = ["kept/:room", { room: "a" }] as const;

async function createPair() {
  const stage = createStage();
  const app = stage.open();
  await app.services.rooms.publish("kept/a", 0);
  const client = stage.join(app, "ann");
  await stage.clock.advance(100);
  const room = client.rooms.channel(...kept);
  const publish = async (...all: number[]): Promise<void> => {
    for (const n of all) await app.services.rooms.publish("kept/a", n);
    await stage.clock.advance(100);
  };
  return { ...stage, app, client, room, publish, idle: stage.happened.length };
}

describe("who wants a channel", () => {
  test("has it subscribed until the last has gone, and only once", async () => {
    const { room, publish, clock, happened } = await createPair();
    const got: string[] = [];
    const listener = (n: number): void => void got.push(`a${n}`);
    const offs = [room.on(listener), room.on(listener)];
    const subscribed = room.subscribe();
    await clock.advance(100);
    const off = await subscribed;
    await publish(1);
    offs[0]!();
    offs[0]!();
    await publish(2);
    offs[1]!();
    await publish(3);
    expect(room.subscribed).toBe(true);
    off();
    await clock.advance(100);
    off();
    expect(room.subscribed).toBe(false);
    expect(got).toEqual(["a1", "a1", "a2"]);
    expect(happened.filter((one) => one === "subscribe kept/a")).toHaveLength(1);
    expect(happened.at(-1)).toBe("channelclose kept/a");
  });

  test("ends it for all, and what is called later changes nothing", async () => {
    const { room, publish, clock } = await createPair();
    const ears = [hear(room), hear(room)];
    const iterator = room[Symbol.asyncIterator]();
    const ended = expect(iterator.next()).rejects.toMatchObject({ code: "closed" });
    const offPresence = room.presence.on("join", () => {});
    await clock.advance(100);
    room.unsubscribe();
    await ended;
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    for (const { off } of ears) off();
    offPresence();
    await publish(1);
    const { got, off } = hear(room);
    await clock.advance(100);
    await publish(2);
    expect(got).toEqual(["first", 2]);
    off();
    await clock.advance(100);
    expect(room.subscribed).toBe(false);
    expect(room.presence.members.size).toBe(0);
  });

  test("hears what comes later, where it comes while a message is told", async () => {
    const { room, publish, clock } = await createPair();
    const late: number[] = [];
    room.on((n) => {
      if (n === 1) room.on((m) => void late.push(m));
      throw new Error("A listener that fails");
    });
    await clock.advance(100);
    await publish(1, 2);
    expect(late).toEqual([2]);
  });

  test("goes by a number that is used again when its server has heard that it is over, and not before", async () => {
    const { open, join, clock } = createStage();
    const bodies: string[] = [];
    const app = open().use((inbound, next) => {
      bodies.push(String(inbound.body).slice(0, 2));
      return next(inbound);
    });
    const room = join(app).rooms.channel(...kept);
    await clock.advance(100);
    for (let n = 0; n < 3; n++) {
      const off = room.on(() => {});
      off();
      room.on(() => {})();
      await clock.advance(100);
    }
    expect(bodies).toEqual(["+@", "-@", "+A", "-A", "+@", "-@", "+A", "-A", "+@", "-@", "+A", "-A"]);
  });

  test("may leave and come again at once: numbers are not another's too soon", async () => {
    const { room, client, publish, clock, app } = await createPair();
    const other = client.rooms.channel("kept/:room", { room: "b" });
    const { got } = hear(other);
    for (let n = 0; n < 5; n++) {
      const { off } = hear(room);
      await Promise.resolve();
      off();
    }
    const { got: last } = hear(room);
    await clock.advance(100);
    await publish(1);
    await app.services.rooms.publish("kept/b", 2);
    await clock.advance(100);
    expect([got, last]).toEqual([
      ["first", 2],
      ["first", 1],
    ]);
  });

  test("is told that it may not, and may try again", async () => {
    const { room, hooks, publish, clock } = await createPair();
    hooks.subscribe = () => false;
    const { got } = hear(room);
    const refused = expect(room.subscribe()).rejects.toMatchObject({ code: "unauthorized" });
    const iterated = expect(room[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "unauthorized" });
    const followed = expect(room.presence.follow()).rejects.toMatchObject({ code: "unauthorized" });
    await clock.advance(100);
    await Promise.all([refused, iterated, followed]);
    hooks.subscribe = () => true;
    void room.presence.follow();
    await clock.advance(100);
    await publish(1, 2);
    expect(got).toEqual(["ended unauthorized", "first", 1, 2]);
    expect([...room.presence.members.keys()]).toEqual(["ann"]);
  });
});

describe("iterations", () => {
  test("are independent, and one that is slow for too long ends by itself", async () => {
    const { room, publish, clock } = await createPair();
    const [slow, other] = [room[Symbol.asyncIterator](), room[Symbol.asyncIterator]()];
    const { got } = hear(room);
    await clock.advance(100);
    for (let n = 1; n <= 41; n++) await publish(...Array.from({ length: 100 }, (_, at) => n * 100 + at));
    expect(got).toHaveLength(4_101);
    await other.return?.();
    const values: unknown[] = [];
    const drain = async (): Promise<void> => {
      for (let step = await slow.next(); step.done !== true; step = await slow.next()) values.push(step.value);
    };
    await expect(drain()).rejects.toMatchObject({ code: "too_large" });
    expect(values).toEqual(got.slice(1, 4_097));
    expect(await slow.next()).toMatchObject({ done: true });
    expect(await other.next()).toMatchObject({ done: true });
  });
});

describe("publishing", () => {
  test("sends what it was given, whatever becomes of that until it is sent", async () => {
    const { open, join, clock } = createStage();
    const app = open();
    const room = join(app).rooms.channel("bytes/:room", { room: "a" }) as unknown as {
      publish(bytes: unknown): Promise<void>;
    };
    const given = [1];
    const call = room.publish(given);
    given.push(2);
    const circle: unknown[] = [];
    circle.push(circle);
    const failed = room.publish(circle);
    const { rooms } = join(app);
    const heard: unknown[] = [];
    app.services.rooms.on("plain/a", (n) => void heard.push(n));
    const number = { is: 5, toJSON: (): number => number.is };
    const published = rooms.channel("plain/:room", { room: "a" }).publish(number as never);
    const echoed = rooms.emit("echo", number);
    number.is = 6;
    const results = Promise.allSettled([call, failed]);
    await clock.advance(100);
    expect((await results).map((one) => String((one as PromiseRejectedResult).reason))).toEqual([
      "PrismError: Clients may not publish to bytes/a",
      expect.stringContaining("circular"),
    ]);
    expect([await echoed, await published, heard]).toEqual([5, undefined, [5]]);
  });

  test("goes by number and by name, also after the subscription was taken back", async () => {
    const { room, clock, app } = await createPair();
    const heard: number[] = [];
    app.services.rooms.on("**", (n) => void heard.push(n as number));
    const calls = [room.publish(1)];
    const { off } = hear(room);
    calls.push(room.publish(2));
    await clock.advance(100);
    calls.push(room.publish(3));
    off();
    calls.push(room.publish(4));
    const wrong = (room.publish as (given: unknown) => Promise<void>)("x");
    const refused = expect(wrong).rejects.toMatchObject({ code: "bad_input" });
    await clock.advance(100);
    await Promise.all(calls);
    await refused;
    expect(heard).toEqual([1, 2, 3, 4]);
  });
});

test("pages of the past, from wherever", async () => {
  const { publish, app } = await createPair();
  await publish(...Array.from({ length: 70 }, (_, n) => n + 1));
  const server = app.services.rooms.channel(...kept);
  const read = async (request?: object): Promise<[number, number][]> => {
    const page = await server.history(request);
    return page.map(({ message, offset }) => [message, offset]);
  };
  // 71 were published, of which 50 are kept: those from offset 22 on.
  expect(await read({ limit: 2 })).toEqual([
    [69, 70],
    [70, 71],
  ]);
  expect(await read({ limit: 2, before: 70 })).toEqual([
    [67, 68],
    [68, 69],
  ]);
  expect(await read({ limit: 5, before: 24 })).toEqual([
    [21, 22],
    [22, 23],
  ]);
  expect(await read({ limit: 2, before: 1_000 })).toEqual([
    [69, 70],
    [70, 71],
  ]);
  for (const before of [1, 2, 22]) expect(await read({ before })).toEqual([]);
  expect(await read()).toHaveLength(50);
  for (const request of [{ limit: 0 }, { limit: 1.5 }, { before: 0 }, { before: Number.NaN }])
    await expect(server.history(request)).rejects.toMatchObject({ code: "bad_input" });
});

test("events are acknowledged both ways", async () => {
  const { client, app, clock } = await createPair();
  const connections: unknown[] = [];
  app.events.on("subscribe", ({ connection }) => void connections.push(connection));
  void client.rooms.channel(...kept).subscribe();
  const added = client.rooms.emit("add", 5);
  const refused = expect(client.rooms.emit("add", "x" as never)).rejects.toMatchObject({ code: "bad_input" });
  await clock.advance(100);
  expect(await added).toBe("ann5");
  await refused;
  const connection = connections[0] as never;
  const nobody = expect(app.services.rooms.ask(connection, "alert", "x")).rejects.toMatchObject({ code: "not_found" });
  await clock.advance(100);
  await nobody;
  const off = client.rooms.on("alert", () => "last");
  client.rooms.on("alert", async (text) => `${text}!`);
  const answered = app.services.rooms.ask(connection, "alert", "x");
  await clock.advance(100);
  expect(await answered).toBe("x!");
  off();
  off();
  await expect(app.services.rooms.emit("alert", 5 as never)).rejects.toMatchObject({ code: "bad_input" });
  await expect(app.services.rooms.emit("nope" as never, "x" as never)).rejects.toMatchObject({ code: "not_found" });
});
