import { expect, test } from "vitest";
import { createStage, hear } from "./stage.ts";

const kept = ["kept/:room", { room: "a" }] as const;
const plain = ["plain/:room", { room: "a" }] as const;

test("a lost socket loses nothing, and nobody is told", async () => {
  const { open, join, clock, network } = createStage();
  const app = open();
  const { rooms } = join(app);
  const ears = [hear(rooms.channel(...kept)).got, hear(rooms.channel(...plain)).got];
  const watcher = join(app, "w").rooms.channel(...kept);
  const seen: string[] = [];
  for (const name of ["leave", "update"] as const) watcher.presence.on(name, (_, key) => void seen.push(key));
  await clock.advance(100);
  for (let n = 0; n < 20; n++) {
    await app.services.rooms.publish("kept/a", n);
    await app.services.rooms.publish("plain/a", n);
    if (n % 5 === 2) for (const line of network.lines) line.cut();
    await clock.advance(n * 10);
  }
  await clock.advance(5_000);
  const all = Array.from({ length: 20 }, (_, n) => n);
  expect(ears).toEqual([
    ["first", ...all],
    ["first", ...all],
  ]);
  expect(seen).toEqual([]);
});

test("after a reset it recovers from history, on whatever server, and says so", async () => {
  const { open, join, clock, network } = createStage();
  let app = open();
  const { rooms, said } = join(() => app);
  const [room, other] = [rooms.channel(...kept), rooms.channel(...plain)];
  const ears = [hear(room).got, hear(other).got];
  const infos: unknown[] = [];
  room.on((n, { offset, recovered }) => void infos.push([n, offset, recovered]));
  const iterated: unknown[] = [];
  const iterate = async (from: AsyncIterable<number>): Promise<void> => {
    try {
      for await (const n of from) iterated.push(n);
    } catch (error) {
      iterated.push((error as { code: string }).code);
    }
  };
  void iterate(room);
  void iterate(other);
  await clock.advance(100);
  await app.services.rooms.publish("kept/a", 1);
  await app.services.rooms.publish("plain/a", 1);
  await clock.advance(100);
  const old = app;
  app = open();
  await old.close();
  network.reachable = false;
  await app.services.rooms.publish("kept/a", 2);
  await app.services.rooms.publish("plain/a", 2);
  network.reachable = true;
  await clock.advance(30_000);
  await app.services.rooms.publish("kept/a", 3);
  await app.services.rooms.publish("plain/a", 3);
  await clock.advance(100);
  expect(ears).toEqual([
    ["first", 1, "recovered", 2, 3],
    ["first", 1, "gap", 3],
  ]);
  expect(infos).toEqual([
    [1, 1, false],
    [2, 2, true],
    [3, 3, false],
  ]);
  expect(iterated).toEqual([1, 1, "lost", 2, 3]);
  expect(said.filter((entry) => /failed|ended/.test((entry as { message: string }).message))).toEqual([]);
});

test("who knows of a channel that nothing was said there misses nothing, also of what is said first", async () => {
  const { open, join, clock, network } = createStage();
  const app = open();
  const { rooms } = join(app);
  const [{ got }, quiet] = [hear(rooms.channel(...kept)), hear(rooms.channel("kept/:room", { room: "quiet" }))];
  const away = async (meanwhile: () => unknown): Promise<void> => {
    network.reachable = false;
    network.lines.at(-1)!.cut();
    // Given up, and the channels with it: nobody else is subscribed.
    await clock.advance(60_000);
    await meanwhile();
    network.reachable = true;
    await clock.advance(60_000);
  };
  // Quiet for longer than anything is kept.
  await clock.advance(3_000_000);
  await away(() => app.services.rooms.publish("kept/a", 1));
  await away(() => {});
  await app.services.rooms.publish("kept/a", 2);
  await clock.advance(100);
  expect(got).toEqual(["first", "recovered", 1, "recovered", 2]);
  expect(quiet.got).toEqual(["first", "recovered", "recovered"]);
  // Away for longer than anything is kept: there may have been something.
  await away(() => clock.advance(700_000));
  expect([got.at(-1), quiet.got.at(-1)]).toEqual(["gap", "gap"]);
});

test("what was missed and is kept no more is a gap that is told, and so is another epoch", async () => {
  const { open, join, clock } = createStage();
  let app = open();
  const { got } = hear(join(() => app).rooms.channel(...kept));
  await clock.advance(100);
  await app.services.rooms.publish("kept/a", 0);
  await clock.advance(100);
  let old = app;
  app = open();
  await old.close();
  for (let n = 1; n <= 60; n++) await app.services.rooms.publish("kept/a", n);
  await clock.advance(30_000);
  expect(got).toEqual(["first", 0, "gap"]);
  await app.services.rooms.publish("kept/a", 61);
  await clock.advance(100);
  old = app;
  app = open();
  await old.close();
  await clock.advance(30_000);
  expect(got.slice(3)).toEqual([61, "recovered"]);
  // Its time is over while nobody listens: what comes then is of another epoch.
  await clock.advance(700_000);
  await app.services.rooms.publish("kept/a", 100);
  await clock.advance(100);
  expect(got.slice(5)).toEqual([100]);
});

test("a handover goes on with everything: numbers are announced anew, and presence does not flap", async () => {
  const { open, join, clock, hub } = createStage();
  const one = open();
  let app = one;
  const two = open();
  // Channels have other numbers at the other server.
  const local = join(two, "local");
  for (const room of ["b", "a"]) hear(local.rooms.channel("kept/:room", { room }));
  await clock.advance(100);
  const client = join(() => app, "ann");
  const ears = ["a", "b", "c"].map((room) => hear(client.rooms.channel("kept/:room", { room })).got);
  const { got: bare } = hear(client.rooms.channel(...plain));
  const seen: string[] = [];
  const watched = local.rooms.channel(...kept);
  for (const name of ["join", "leave", "update"] as const)
    watched.presence.on(name, (_, key) => void seen.push(`${name} ${key}`));
  const own: string[] = [];
  const room = client.rooms.channel(...kept);
  for (const name of ["join", "leave"] as const) room.presence.on(name, (_, key) => void own.push(`${name} ${key}`));
  await clock.advance(100);
  const say = async (n: number): Promise<void> => {
    for (const name of ["a", "b", "c"]) await two.services.rooms.publish(`kept/${name}`, n);
    await two.services.rooms.publish("plain/a", n);
  };
  await say(1);
  await clock.advance(100);
  app = two;
  void one.drain();
  for (let n = 2; n < 12; n++) {
    await say(n);
    await clock.advance(97);
  }
  await clock.advance(60_000);
  await say(12);
  await clock.advance(100);
  const all = Array.from({ length: 12 }, (_, n) => n + 1);
  for (const got of ears) expect(got.filter((one) => typeof one === "number")).toEqual(all);
  for (const got of ears) expect(got.filter((one) => typeof one !== "number")).toEqual(["first", "recovered"]);
  const gap = bare.indexOf("gap");
  expect(gap).toBeGreaterThan(0);
  expect(bare.at(-1)).toBe(12);
  expect(seen.toSorted()).toEqual(["join ann", "join local"]);
  expect(own.toSorted()).toEqual(["join ann", "join local"]);
  expect(room.presence.members.size).toBe(2);
  // What the first server told of its clients is no longer there, and nothing else is either.
  for (const one of [client, local]) one.connection.close();
  await clock.advance(700_000);
  await two.close();
  await clock.advance(700_000);
  expect(hub.size).toBe(0);
});

test("one who is on the way to another server is there, also when another connection of theirs ends meanwhile", async () => {
  const { open, join, clock, network } = createStage();
  const one = open();
  let app = one;
  const two = open();
  const watched = join(two, "watcher").rooms.channel(...kept);
  const seen: string[] = [];
  for (const name of ["join", "leave", "update"] as const)
    watched.presence.on(name, (_, key) => void seen.push(`${name} ${key}`));
  await clock.advance(100);
  const handles: { close(): void }[] = [];
  one.events.on("subscribe", ({ connection }) => void handles.push(connection));
  const first = join(() => app, "ann");
  hear(first.rooms.channel(...kept));
  await clock.advance(100);
  const line = network.lines.at(-1)!;
  hear(join(one, "ann").rooms.channel(...kept));
  await clock.advance(100);
  network.reachable = false;
  line.cut();
  await clock.advance(10);
  app = two;
  void one.drain({ within: 4_000 });
  await clock.advance(100);
  handles[1]!.close();
  await clock.advance(1_000);
  network.reachable = true;
  await clock.advance(30_000);
  expect(seen).toEqual(["join watcher", "join ann"]);
  first.connection.close();
  await clock.advance(30_000);
  expect(seen).toEqual(["join watcher", "join ann", "leave ann"]);
});

test("a handover asks again who may, and ends what may not", async () => {
  let allowed = true;
  const { open, join, clock } = createStage({ hooks: { subscribe: () => allowed } });
  const one = open();
  let app = one;
  const two = open();
  const { got } = hear(join(() => app).rooms.channel(...kept));
  await clock.advance(100);
  app = two;
  allowed = false;
  void one.drain();
  await clock.advance(20_000);
  await two.services.rooms.publish("kept/a", 1);
  await clock.advance(100);
  expect(got).toEqual(["first", "ended unauthorized"]);
});

test("what was asked for and not answered when its server went is asked for at the next, which judges by itself", async () => {
  let judging = 0;
  const { open, join, clock } = createStage({
    hooks: { subscribe: () => (judging++ === 0 ? new Promise<boolean>(() => {}) : false) },
  });
  const one = open();
  let app = one;
  const two = open();
  const { got } = hear(join(() => app).rooms.channel(...kept));
  await clock.advance(100);
  app = two;
  void one.drain({ within: 1_000 });
  await clock.advance(20_000);
  await two.services.rooms.publish("kept/a", 1);
  await clock.advance(100);
  expect([judging, got]).toEqual([2, ["ended unauthorized"]]);
});

test.each(["reset", "handed over"] as const)(
  "one that is announced, and still waits for who is there, goes on once when it is %s",
  async (how) => {
    let answer: (() => void)[] | undefined = [];
    const gate = (what: string): Promise<void> | undefined =>
      what === "roll" && answer ? new Promise((resolve) => void answer!.push(resolve)) : undefined;
    const { open, join, clock, happened } = createStage({ gate });
    const one = open();
    let app = one;
    const two = open();
    const client = join(() => app, "ann");
    const room = client.rooms.channel(...kept);
    const followed = room.presence.follow();
    const { got: heard } = hear(room);
    await clock.advance(100);
    app = two;
    const held = answer;
    answer = undefined;
    void (how === "reset" ? one.close() : one.drain({ within: 500 }));
    await clock.advance(30_000);
    for (const resolve of held) resolve();
    await clock.advance(100);
    await followed;
    await two.services.rooms.publish("kept/a", 1);
    await clock.advance(100);
    expect(heard.at(-1)).toBe(1);
    expect(heard.filter((one) => String(one).startsWith("ended"))).toEqual([]);
    expect([...room.presence.members.keys()]).toEqual(["ann"]);
    expect(client.said.filter((entry) => JSON.stringify(entry).includes("bad_input"))).toEqual([]);
    expect(happened.filter((one) => one === "subscribe kept/a").length).toBeGreaterThan(1);
  },
);

test("presence of one who is announced while its roll is read survives what comes between", async () => {
  const { open, join, clock } = createStage();
  let app = open();
  const client = join(() => app, "ann");
  const room = client.rooms.channel(...kept);
  const followed = room.presence.follow();
  await clock.advance(100);
  await followed;
  const old = app;
  app = open();
  await old.close();
  await clock.advance(30_000);
  expect([...room.presence.members.keys()]).toEqual(["ann"]);
  expect(room.presence.self).toBe("ann");
});
