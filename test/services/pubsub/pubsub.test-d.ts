import * as v from "valibot";
import { expectTypeOf, test } from "vitest";
import { prism } from "../../../mod.ts";
import { connect } from "../../../src/client/connect.ts";
import { pubsub as half, type ClientChannel, type PastMessage } from "../../../src/services/pubsub/client.ts";
import { channel, event, pubsub, type Position } from "../../../src/services/pubsub/server.ts";

interface Shape {
  session: { name?: string };
  state: { role: "admin" | "guest" };
}

const canRead = (name: string | undefined, room: string): Promise<boolean> => Promise.resolve(name !== room);

const rooms = pubsub(
  {
    "chat/:room": channel.with<Shape>()({
      message: v.object({ from: v.string(), text: v.string(), at: v.optional(v.date()) }),
      input: v.object({ text: v.pipe(v.string(), v.transform(Number)) }),
      publish: ({ text }, { session, connection, params, name }) => {
        expectTypeOf(text).toEqualTypeOf<number>();
        expectTypeOf(connection.state.role).toEqualTypeOf<"admin" | "guest">();
        expectTypeOf(params).toEqualTypeOf<{ readonly room: string }>();
        expectTypeOf(name).toEqualTypeOf<string>();
        return { from: session.data.name!, text: String(text) };
      },
      // As the documents have it: no `!`.
      subscribe: ({ session, params }) => canRead(session.data.name, params.room),
      presence: ({ session, params }) => ({
        id: session.id,
        name: session.data.name!,
        in: params.room,
        at: new Date(),
      }),
      history: { size: 100, ttl: 600_000 },
    }),
    "chat/lobby": channel({ message: v.literal("lobby") }),
    "a/:x/b/:y": channel({
      message: v.number(),
      subscribe: ({ params }) => {
        expectTypeOf(params).toEqualTypeOf<{ readonly x: string; readonly y: string }>();
        // @ts-expect-error there is no such parameter
        return params.z === "";
      },
    }),
    ticker: channel({ message: v.instance(Uint8Array), subscribe: true }),
  },
  {
    receives: {
      add: event(v.object({ n: v.number() }), ({ n }) => ({ sum: n, at: new Date() })),
      set: event.with<Shape>()(v.number(), async (n, { session }) => {
        session.data.name = String(n);
      }),
    },
    emits: { alert: v.object({ text: v.string(), at: v.date() }) },
  },
);

const app = prism<Shape>().service("rooms", rooms);
type App = typeof app;

test("the client has the types of its app", () => {
  const client = connect<App>("ws://x", { services: { rooms: half() } });
  const room = client.rooms.channel("chat/:room", { room: 42 });
  expectTypeOf(room).toEqualTypeOf<
    ClientChannel<
      { from: string; text: string; at?: string | undefined },
      { text: string },
      { id: string; name: string; in: string; at: string }
    >
  >();
  room.on(({ text }, { offset, recovered }) => {
    expectTypeOf(text).toEqualTypeOf<string>();
    expectTypeOf(offset).toEqualTypeOf<number | undefined>();
    expectTypeOf(recovered).toEqualTypeOf<boolean>();
  });
  room.on("subscribed", ({ recovered, first }) => expectTypeOf([recovered, first]).toEqualTypeOf<boolean[]>());
  room.on("ended", (error) => expectTypeOf(error).toEqualTypeOf<Error>());
  // @ts-expect-error there is no such event
  room.on("gone", () => {});
  room.presence.on("join", ({ name }, key) => expectTypeOf([name, key]).toEqualTypeOf<string[]>());
  // @ts-expect-error nobody does that
  room.presence.on("went", () => {});
  expectTypeOf(room.presence.members.get("x")?.at).toEqualTypeOf<string | undefined>();
  expectTypeOf(room.history({ limit: 5 })).resolves.toExtend<readonly PastMessage<{ text: string }>[]>();
  void (async () => {
    for await (const { from } of room) expectTypeOf(from).toEqualTypeOf<string>();
  });
  expectTypeOf(room.publish({ text: "1" })).resolves.toEqualTypeOf<void>();
  // @ts-expect-error what becomes of it, not what is given
  void room.publish({ text: 1 });
  // @ts-expect-error nothing is given
  void room.publish();
  client.rooms.channel("ticker").on((bytes) => expectTypeOf(bytes).toExtend<Uint8Array>());
  // @ts-expect-error clients may not
  void client.rooms.channel("ticker").publish(new Uint8Array());
  // @ts-expect-error clients may not
  void client.rooms.channel("chat/lobby").publish("lobby");
});

test("params are those of the pattern", () => {
  const { rooms } = connect<App>("ws://x", { services: { rooms: half() } });
  rooms.channel("a/:x/b/:y", { x: 1, y: "2" });
  // @ts-expect-error one is missing
  rooms.channel("a/:x/b/:y", { x: 1 });
  // @ts-expect-error one is too many
  rooms.channel("a/:x/b/:y", { x: 1, y: 2, z: 3 });
  // @ts-expect-error all are missing
  rooms.channel("chat/:room");
  // @ts-expect-error it has none
  rooms.channel("ticker", { x: 1 });
  // @ts-expect-error there is no such pattern
  rooms.channel("nope");
});

test("events are typed both ways", () => {
  const { rooms } = connect<App>("ws://x", { services: { rooms: half() } });
  expectTypeOf(rooms.emit("add", { n: 1 })).resolves.toEqualTypeOf<{ sum: number; at: string }>();
  expectTypeOf(rooms.emit("set", 1)).resolves.toEqualTypeOf<void>();
  // @ts-expect-error not what it takes
  void rooms.emit("add", 1);
  // @ts-expect-error there is no such event
  void rooms.emit("alert", 1);
  rooms.on("alert", ({ text, at }) => expectTypeOf([text, at]).toEqualTypeOf<string[]>());
  // @ts-expect-error there is no such event
  rooms.on("add", () => {});
});

test("the server publishes by a name, and what it gives is that channel's", () => {
  const server = app.services.rooms;
  expectTypeOf(server.publish("chat/42", { from: "bot", text: "hi" })).resolves.toEqualTypeOf<Position | undefined>();
  const id: string = "42";
  void server.publish(`chat/${id}`, { from: "bot", text: "hi", at: new Date() }, { volatile: true, except: "id" });
  void server.publish("ticker", new Uint8Array());
  void server.publish("a/1/b/2", 5);
  // What is declared for it alone comes first.
  void server.publish("chat/lobby", "lobby");
  // @ts-expect-error that is another channel's
  void server.publish("chat/lobby", { from: "bot", text: "hi" });
  // @ts-expect-error that is another channel's
  void server.publish("chat/42", 5);
  // @ts-expect-error there is no such channel
  void server.publish("nope", 5);
  void server.emit("alert", { text: "x", at: new Date() }, { to: { user: "u" } });
  // @ts-expect-error not what it takes
  void server.emit("alert", { text: "x" });
  // @ts-expect-error that is what clients send
  void server.emit("add", { n: 1 });
  const room = server.channel("chat/:room", { room: 1 });
  expectTypeOf(room.members()).resolves.toEqualTypeOf<
    ReadonlyMap<string, { id: string; name: string; in: string; at: string }>
  >();
  void room.subscribe(({ at }, { offset }) =>
    expectTypeOf([at, offset]).toEqualTypeOf<(string | number | undefined)[]>(),
  );
  app.events.on("channelopen", ({ name, service }) => expectTypeOf([name, service]).toEqualTypeOf<string[]>());
});

test("an app that has less is refused", () => {
  // @ts-expect-error a session without a name
  prism<{ session: { name: number }; state: Shape["state"] }>().service("rooms", rooms);
  // @ts-expect-error connections without a role
  prism<{ session: Shape["session"] }>().service("rooms", rooms);
});

test("what is declared apart fits any pattern, and what is declared for one no other", () => {
  const apart = channel({
    message: v.number(),
    subscribe: ({ params }) => {
      expectTypeOf(params["room"]).toEqualTypeOf<string | undefined>();
      return true;
    },
  });
  pubsub({ "chat/:room": apart, "chat/:room/:x": apart });
});

test("what cannot be declared is refused", () => {
  // @ts-expect-error no schema
  channel({ subscribe: true });
  channel({ message: v.number(), input: v.number(), publish: (n) => n });
  // @ts-expect-error what is published is not a message
  channel({ message: v.number(), input: v.number(), publish: (n) => String(n) });
  // @ts-expect-error everybody, or a function
  channel({ message: v.number(), subscribe: false });
});
