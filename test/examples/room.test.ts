import { afterEach, expect, test, vi } from "vitest";
import { machine } from "../../examples/dashboard/machine.ts";
import { room, type RoomEvent } from "../../examples/dashboard/room.ts";
import { prism } from "../../mod.ts";
import { assertSelfContained, connectInMemory } from "../../src/testing/testing.ts";

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

const createApp = () => {
  const app = prism().service("room", room);
  endings.push(() => app.close());
  return app;
};

/** Somebody in the room, and what they hear of one type. */
async function visit(app: ReturnType<typeof createApp>) {
  const client = connectInMemory<typeof app>(app, { services: { room } });
  endings.push(() => client.connection.close());
  const events: RoomEvent[] = [];
  client.room.onEvent((event) => events.push(event));
  const heard = <Type extends RoomEvent["type"]>(type: Type) =>
    events.filter((event): event is Extract<RoomEvent, { type: Type }> => event.type === type);
  await client.connection.opened;
  return {
    ...client.room,
    close: () => client.connection.close(),
    heard,
    texts: () => heard("said").map(({ message }) => message.text),
    people: () =>
      heard("people")
        .at(-1)
        ?.people.map(({ name }) => name),
  };
}

test("tells everyone who is there, under their present names", async () => {
  const app = createApp();
  const [ada, grace] = [await visit(app), await visit(app)];
  ada.name("Ada");
  grace.name("Someone");
  grace.name("Grace");
  for (const one of [ada, grace]) await vi.waitFor(() => expect(one.people()).toEqual(["Ada", "Grace"]));
  grace.close();
  await vi.waitFor(() => expect(ada.people()).toEqual(["Ada"]));
});

test("carries what is said to everyone, and to those who come later", async () => {
  const app = createApp();
  const [ada, grace] = [await visit(app), await visit(app)];
  ada.name("Ada");
  ada.say("Hello");
  await vi.waitFor(() => expect(grace.texts()).toEqual(["Hello"]));
  expect(ada.texts()).toEqual(["Hello"]);

  const late = await visit(app);
  await vi.waitFor(() => expect(late.heard("welcome")).toHaveLength(1));
  const [{ you, messages } = { you: "", messages: [] }] = late.heard("welcome");
  expect(messages.map(({ name, text }) => [name, text])).toEqual([["Ada", "Hello"]]);
  expect(messages[0]?.from).not.toBe(you);
});

test("tidies what is said, and passes over what cannot be", async () => {
  const app = createApp();
  const ada = await visit(app);
  ada.say("  two\nlines\u0000\u202e\tand   blanks ");
  ada.say(" \u200f ");
  ada.say("👩‍👩‍👧".repeat(500));
  ada.say("the end");
  await vi.waitFor(() => expect(ada.texts()).toContain("the end"));
  expect(ada.texts()).toEqual(["two lines and blanks", "👩‍👩‍👧".repeat(500), "the end"]);
});

test("slows down those who talk too fast, and nobody else", async () => {
  const app = createApp();
  const [ada, grace] = [await visit(app), await visit(app)];
  for (let i = 1; i <= 8; i++) ada.say(`${i}`);
  grace.say("Take your time");
  await vi.waitFor(() => expect(ada.heard("refused")).toHaveLength(2));
  await vi.waitFor(() => expect(grace.texts()).toHaveLength(7));
  expect(grace.texts()).toContain("Take your time");
  expect(grace.heard("refused")).toEqual([]);
});

test("the client halves stand alone", async () => {
  await assertSelfContained(room.client);
  await assertSelfContained(machine(() => ({ connections: 0, received: 0, sent: 0 })).client);
});
