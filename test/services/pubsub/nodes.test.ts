import { expect, test } from "vitest";
import { createStage, hear } from "./stage.ts";

test("what is published on one node is heard on all, by clients and by the app", async () => {
  const { open, join, clock } = createStage();
  const apps = [open(), open(), open()];
  const ears = apps.map((app) => hear(join(app).rooms.channel("kept/:room", { room: "a" })).got);
  const heard: number[] = [];
  await apps[2]!.services.rooms
    .channel("kept/:room", { room: "a" })
    .subscribe((n, { offset }) => heard.push(n, offset!));
  await clock.advance(100);
  for (const [n, app] of apps.entries()) await app.services.rooms.publish("kept/a", n);
  await clock.advance(100);
  expect(ears).toEqual([0, 1, 2].map(() => ["first", 0, 1, 2]));
  expect(heard).toEqual([0, 1, 1, 2, 2, 3]);
});

test("a listener with wildcards hears what is published through its own node", async () => {
  const { open, join, clock } = createStage();
  const [one, two] = [open(), open()];
  const heard: unknown[] = [];
  one.services.rooms.on("kept/*", (n, { name, params }) => heard.push([n, name, params]));
  const off = one.services.rooms.on("**", (n) => heard.push(n));
  await two.services.rooms.publish("kept/a", 1);
  void join(one).rooms.channel("kept/:room", { room: "é/" }).publish(2);
  await clock.advance(10);
  off();
  await one.services.rooms.publish("plain/a", 3);
  await clock.advance(10);
  expect(heard).toEqual([[2, "kept/%C3%A9%2F", { room: "é/" }], 2]);
  expect(() => one.services.rooms.on("**/a", () => {})).toThrow(TypeError);
  expect(() => one.services.rooms.on("a//b", () => {})).toThrow("empty");
});

test("events reach everybody, a user, a session or a connection, on whatever node", async () => {
  const { open, join, clock } = createStage();
  const [one, two] = [open(), open()];
  const clients = [join(one, "ann"), join(two, "ann"), join(two, "bob")];
  const got: string[][] = clients.map(() => []);
  for (const [at, client] of clients.entries()) client.rooms.on("alert", (text) => void got[at]!.push(text));
  const ids: string[] = [];
  for (const app of [one, two]) app.events.on("connect", ({ id }) => void ids.push(id));
  await clock.advance(100);
  const { emit } = one.services.rooms;
  const asked = clients[1]!.rooms.emit("who", 0);
  await clock.advance(100);
  await emit("alert", "all");
  await emit("alert", "ann", { to: { user: "ann" } });
  await emit("alert", "bob", { to: { user: "bob" }, conflate: "é" });
  await emit("alert", "id", { to: { connection: ids[0]! } });
  await emit("alert", "rest", { except: ids[0]! });
  await emit("alert", "session", { to: { session: await asked, user: "ann" } });
  await emit("alert", "nobody", { to: { session: await asked, user: "bob" } });
  await clock.advance(100);
  expect(got.map((one) => one.filter((text) => text !== "id" && text !== "rest"))).toEqual([
    ["all", "ann"],
    ["all", "ann", "session"],
    ["all", "bob"],
  ]);
  expect(got.flat().filter((text) => text === "id")).toHaveLength(1);
  expect(got.flat().filter((text) => text === "rest")).toHaveLength(2);
});

test("who names nobody does not mean everybody", async () => {
  const { open, join, clock } = createStage();
  const app = open();
  const client = join(app);
  const got: string[] = [];
  client.rooms.on("alert", (text) => void got.push(text));
  const { got: heard } = hear(client.rooms.channel("plain/:room", { room: "a" }));
  await clock.advance(100);
  const nobody = { user: undefined };
  await expect(app.services.rooms.emit("alert", "x", { to: nobody })).rejects.toThrow(TypeError);
  await expect(app.services.rooms.channel("plain/:room", { room: "a" }).kick(nobody)).rejects.toThrow(TypeError);
  await clock.advance(100);
  expect([got, heard]).toEqual([[], ["first"]]);
});

test("kicks on whatever node, one user or all, and what is under way as well", async () => {
  let allow: (value: boolean) => void = () => {};
  const { open, join, clock } = createStage({
    hooks: { subscribe: ({ room }) => (room === "slow" ? new Promise<boolean>((resolve) => (allow = resolve)) : true) },
  });
  const [one, two] = [open(), open()];
  const [ann, bob] = [join(two, "ann"), join(two, "bob")];
  const ears = [ann, bob].map(({ rooms }) => hear(rooms.channel("kept/:room", { room: "a" })).got);
  const { got: slow } = hear(ann.rooms.channel("kept/:room", { room: "slow" }));
  await clock.advance(100);
  await one.services.rooms.channel("kept/:room", { room: "a" }).kick({ user: "ann" });
  await one.services.rooms.channel("kept/:room", { room: "slow" }).kick();
  await clock.advance(10);
  allow(true);
  await one.services.rooms.publish("kept/a", 1);
  await one.services.rooms.publish("kept/slow", 2);
  await clock.advance(100);
  expect([...ears, slow]).toEqual([["first", "ended unauthorized"], ["first", 1], ["ended unauthorized"]]);
});

test("one who was kicked may ask again, and begins anew", async () => {
  const { open, join, clock } = createStage();
  const app = open();
  const client = join(app);
  const room = client.rooms.channel("kept/:room", { room: "a" });
  const { got } = hear(room);
  await clock.advance(100);
  await app.services.rooms.channel("kept/:room", { room: "a" }).kick();
  await clock.advance(100);
  await app.services.rooms.publish("kept/a", 1);
  void room.subscribe();
  await clock.advance(100);
  await app.services.rooms.publish("kept/a", 2);
  await clock.advance(100);
  expect(got).toEqual(["first", "ended unauthorized", "first", 2]);
});

test("presence counts people over nodes, and is right when one of them has left", async () => {
  const { open, join, clock } = createStage();
  const [one, two] = [open(), open()];
  const watcher = join(one, "watcher");
  const room = watcher.rooms.channel("kept/:room", { room: "a" });
  const seen: string[] = [];
  for (const name of ["join", "leave", "update"] as const)
    room.presence.on(name, (_, key) => void seen.push(`${name} ${key}`));
  await clock.advance(100);
  const others = [join(one, "ann"), join(two, "ann"), join(two, "bob")];
  const offs = others.map(({ rooms }) => hear(rooms.channel("kept/:room", { room: "a" })).off);
  await clock.advance(100);
  expect([...room.presence.members.keys()].toSorted()).toEqual(["ann", "bob", "watcher"]);
  expect(room.presence.self).toBe("watcher");
  offs[0]!();
  await clock.advance(100);
  expect(seen).toEqual(["join watcher", "join ann", "join bob"]);
  offs[1]!();
  others[2]!.connection.close();
  await clock.advance(100);
  expect(seen.slice(3).toSorted()).toEqual(["leave ann", "leave bob"]);
  expect([...(await two.services.rooms.channel("kept/:room", { room: "a" }).members()).keys()]).toEqual(["watcher"]);
});

test("tells anew what is told of somebody, and under which key", async () => {
  const states = new Map([["ann", { id: "ann", n: 1 }]]);
  const { open, join, clock } = createStage({ hooks: { presence: (id) => states.get(id) ?? { id } } });
  const [one, two] = [open(), open()];
  const [ann, bob] = [join(one, "ann"), join(two, "bob")].map(({ rooms }) =>
    rooms.channel("kept/:room", { room: "a" }),
  );
  const seen: [string, string, number | undefined][] = [];
  for (const name of ["join", "leave", "update"] as const)
    bob!.presence.on(name, (member, key) => void seen.push([name, key, member.n]));
  let connection: unknown;
  one.events.on("subscribe", (event) => (connection = event.connection));
  void ann!.subscribe();
  await clock.advance(100);
  const refresh = (): Promise<void> => one.services.rooms.refreshPresence(connection as never);
  states.set("ann", { id: "ann", n: 2 });
  await refresh();
  states.set("ann", { id: "anna", n: 3 });
  await refresh();
  await clock.advance(100);
  expect(seen.filter(([, key]) => key !== "bob")).toEqual([
    ["join", "ann", 1],
    ["update", "ann", 2],
    ["join", "anna", 3],
    ["leave", "ann", 2],
  ]);
  expect(ann!.presence.self).toBe("anna");
  states.set("ann", { id: "anna", n: 4 });
  await refresh();
  await clock.advance(100);
  expect(bob!.presence.members.get("anna")).toEqual({ id: "anna", n: 4 });
});
