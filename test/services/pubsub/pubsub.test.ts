import { expect, test, vi } from "vitest";
import * as v from "valibot";
import { prism } from "../../../mod.ts";
import { pubsub as half } from "../../../src/services/pubsub/client.ts";
import { channel, event, pubsub } from "../../../src/services/pubsub/server.ts";
import { connectInMemory } from "../../../src/testing/connect-in-memory.ts";

interface Shape {
  session: { name?: string };
  state: Record<string, unknown>;
}

const Message = v.object({ from: v.string(), text: v.string() });

function createApp() {
  return prism<Shape>().service(
    "rooms",
    pubsub(
      {
        "chat/:room": channel.with<Shape>()({
          message: Message,
          input: v.object({ text: v.string() }),
          publish: ({ text }, { connection }) => ({ from: connection.id, text }),
          subscribe: ({ params }) => params["room"] !== "secret",
          presence: ({ connection }) => ({ id: connection.id, name: `n${connection.id.length}` }),
          history: { size: 100, ttl: 600_000 },
        }),
        "ticker/lobby": channel({ message: v.number(), subscribe: true }),
        "closed/:x": channel({ message: v.number() }),
      },
      {
        receives: { ping: event(v.number(), (n) => n + 1) },
        emits: { alert: v.string() },
      },
    ),
  );
}

function open(app: ReturnType<typeof createApp>) {
  return connectInMemory<ReturnType<typeof createApp>>(app, { services: { rooms: half() } });
}

test("brings what the server publishes, in order, with offsets", async () => {
  const app = createApp();
  const client = open(app);
  const room = client.rooms.channel("chat/:room", { room: "42" });
  const got: unknown[] = [];
  room.on((message, { offset }) => got.push([message.text, offset]));
  await room.subscribe();
  for (const text of ["a", "b", "c"]) await app.services.rooms.publish("chat/42", { from: "bot", text });
  await vi.waitFor(() =>
    expect(got).toEqual([
      ["a", 1],
      ["b", 2],
      ["c", 3],
    ]),
  );
  await app.close();
});

test("brings what clients publish, as the channel makes of it, and tells its sender when it is done", async () => {
  const app = createApp();
  const [one, other] = [open(app), open(app)];
  const rooms = [one, other].map((client) => client.rooms.channel("chat/:room", { room: "a b/c" }));
  const got: string[] = [];
  for (const room of rooms) room.on(({ text }) => got.push(text));
  await Promise.all(rooms.map((room) => room.subscribe()));
  await rooms[0]!.publish({ text: "hi" });
  await vi.waitFor(() => expect(got).toEqual(["hi", "hi"]));
  expect(rooms[0]!.name).toBe("chat/a%20b%2Fc");
  await app.close();
});

test("iterates", async () => {
  const app = createApp();
  const room = open(app).rooms.channel("ticker/lobby");
  const iterator = room[Symbol.asyncIterator]();
  const first = iterator.next();
  await room.subscribe();
  for (let i = 0; i < 3; i++) await app.services.rooms.publish("ticker/lobby", i);
  expect([await first, await iterator.next(), await iterator.next()].map(({ value }) => value as number)).toEqual([
    0, 1, 2,
  ]);
  await app.close();
});

test("refuses by default, and who may not", async () => {
  const app = createApp();
  const { rooms } = open(app);
  await expect(rooms.channel("chat/:room", { room: "secret" }).subscribe()).rejects.toMatchObject({
    code: "unauthorized",
  });
  await expect(rooms.channel("closed/:x", { x: 1 }).subscribe()).rejects.toMatchObject({ code: "unauthorized" });
  await expect(rooms.channel("nope" as "ticker/lobby").subscribe()).rejects.toMatchObject({ code: "not_found" });
  await expect(rooms.channel("chat/:room", { room: "secret" }).history()).rejects.toMatchObject({
    code: "unauthorized",
  });
  await expect(
    (rooms.channel("ticker/lobby") as unknown as { publish(n: number): Promise<void> }).publish(1),
  ).rejects.toMatchObject({
    code: "unauthorized",
  });
  await app.close();
});

test("knows who is there, and who comes and goes", async () => {
  const app = createApp();
  const [one, other] = [open(app), open(app)];
  const [a, b] = [one, other].map((client) => client.rooms.channel("chat/:room", { room: "p" }));
  const seen: string[] = [];
  await a!.presence.follow();
  await vi.waitFor(() => expect(a!.presence.members.size).toBe(1));
  a!.presence.on("join", (_, key) => seen.push(`+${key === b!.presence.self}`));
  a!.presence.on("leave", () => seen.push("-"));
  const off = await b!.subscribe();
  await vi.waitFor(() => expect(a!.presence.members.size).toBe(2));
  off();
  await vi.waitFor(() => expect(seen).toEqual(["+true", "-"]));
  expect((await app.services.rooms.channel("chat/:room", { room: "p" }).members()).size).toBe(1);
  await app.close();
});

test("gives the last messages to who comes late, and pages of what is kept", async () => {
  const app = createApp();
  for (let i = 1; i <= 20; i++) await app.services.rooms.publish("chat/h", { from: "", text: String(i) });
  const room = open(app).rooms.channel("chat/:room", { room: "h" });
  const got: unknown[] = [];
  const subscribed = room.subscribe({ last: 3 });
  room.on(({ text }, { offset, recovered }) => got.push([text, offset, recovered]));
  await subscribed;
  await app.services.rooms.publish("chat/h", { from: "", text: "21" });
  await vi.waitFor(() =>
    expect(got).toEqual([
      ["18", 18, true],
      ["19", 19, true],
      ["20", 20, true],
      ["21", 21, false],
    ]),
  );
  const page = await room.history({ limit: 2 });
  expect(page.map(({ message, offset }) => [message.text, offset])).toEqual([
    ["20", 20],
    ["21", 21],
  ]);
  const older = await room.history({ limit: 2, before: 3 });
  expect(older.map(({ message, offset }) => [message.text, offset])).toEqual([
    ["1", 1],
    ["2", 2],
  ]);
  await app.close();
});

test("sends events both ways, and acknowledges them", async () => {
  const app = createApp();
  const client = open(app);
  expect(await client.rooms.emit("ping", 1)).toBe(2);
  const alerts: string[] = [];
  client.rooms.on("alert", (text) => {
    alerts.push(text);
    return "seen";
  });
  await app.services.rooms.emit("alert", "now");
  await vi.waitFor(() => expect(alerts).toEqual(["now"]));
  await app.close();
});

test("takes out who is kicked, and tells", async () => {
  const app = createApp();
  const client = open(app);
  const room = client.rooms.channel("chat/:room", { room: "k" });
  const ended: string[] = [];
  room.on("ended", ({ message }) => ended.push(message));
  await room.subscribe();
  await app.services.rooms.channel("chat/:room", { room: "k" }).kick(undefined, "Bye");
  await vi.waitFor(() => expect(ended).toEqual(["Bye"]));
  expect(room.subscribed).toBe(false);
  await app.close();
});

test("an iteration ends with `closed` when the client is closed", async () => {
  const app = createApp();
  const client = open(app);
  const room = client.rooms.channel("ticker/lobby");
  const next = room[Symbol.asyncIterator]().next();
  next.catch(() => {});
  await room.subscribe();
  client.connection.close();
  await expect(next).rejects.toMatchObject({ code: "closed" });
  await app.close();
});
