import { afterEach, expect, test, vi } from "vitest";
import { type App, createApp } from "../../examples/dashboard/app.ts";
import { pubsub } from "../../src/services/pubsub/client.ts";
import { rpc } from "../../src/services/rpc/client.ts";
import { connectInMemory } from "../../src/testing/testing.ts";

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

function start(): App {
  const app = createApp();
  endings.push(() => app.close());
  return app;
}

/** A browser whose tabs share a session. */
async function browserOf(app: App): Promise<{ cookie: string; session: string }> {
  const visit = await app.sessions.open(new Request("http://localhost/"));
  visit.session.data.name = "Nobody yet";
  return { cookie: (await visit.finish())?.split(";")[0] ?? "", session: visit.session.id };
}

/** Somebody in the room, and what they see. */
async function visit(app: App, name: string, cookie = "") {
  const client = connectInMemory<App>(app, {
    services: { live: pubsub(), people: rpc(), tools: rpc() },
    headers: { cookie },
  });
  endings.push(() => client.connection.close());
  const chat = client.live.channel("chat");
  const texts: string[] = [];
  const begun = chat.subscribe({ last: 50 });
  chat.on(({ text }) => texts.push(text));
  const comings: string[] = [];
  for (const event of ["join", "update", "leave"] as const) {
    chat.presence.on(event, (person) => comings.push(`${event} ${person.name}`));
  }
  await begun;
  await client.people.rename(name);
  return {
    client,
    chat,
    texts,
    comings,
    people: () => [...chat.presence.members.values()].map((person) => person.name).toSorted(),
    say: (text: string) => chat.publish({ text }),
  };
}

test("tells everyone who is there, under their present names", async () => {
  const app = start();
  const [ada, grace] = [await visit(app, "Ada"), await visit(app, "Someone")];
  await grace.client.people.rename("Grace");
  for (const one of [ada, grace]) await vi.waitFor(() => expect(one.people()).toEqual(["Ada", "Grace"]));
  grace.client.connection.close();
  await vi.waitFor(() => expect(ada.people()).toEqual(["Ada"]));
});

test("counts somebody with two tabs once, until both are closed", async () => {
  const app = start();
  const ada = await visit(app, "Ada");
  const { cookie } = await browserOf(app);
  const tabs = [await visit(app, "Grace", cookie), await visit(app, "Grace", cookie)];
  for (const one of [ada, ...tabs]) await vi.waitFor(() => expect(one.people()).toEqual(["Ada", "Grace"]));
  expect(tabs[0]!.chat.presence.self).toBe(tabs[1]!.chat.presence.self);

  ada.comings.length = 0;
  for (const { client } of tabs) {
    client.connection.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await vi.waitFor(() => expect(ada.people()).toEqual(["Ada"]));
  expect(ada.comings).toEqual(["leave Grace"]);
});

test("tells nobody a session's id", async () => {
  const app = start();
  const { cookie, session } = await browserOf(app);
  expect(decodeURIComponent(cookie)).toContain(session);
  const { chat } = await visit(app, "Ada", cookie);
  await vi.waitFor(() => expect(chat.presence.members.size).toBe(1));
  expect(JSON.stringify([...chat.presence.members])).not.toContain(session);
});

test("carries what is said to everyone, and to those who come later", async () => {
  const app = start();
  const [ada, grace] = [await visit(app, "Ada"), await visit(app, "Grace")];
  await ada.say("Hello");
  for (const one of [ada, grace]) await vi.waitFor(() => expect(one.texts).toEqual(["Hello"]));

  const late = await visit(app, "Late");
  expect(late.texts).toEqual(["Hello"]);
  const [said] = await late.chat.history();
  expect(said?.message).toMatchObject({ name: "Ada", text: "Hello" });
});

test("tidies what is said, and refuses what cannot be", async () => {
  const ada = await visit(start(), "Ada");
  await ada.say("  two\nlines\u0000\u202e\tand   blanks ");
  await expect(ada.say(" \u200f ")).rejects.toMatchObject({ code: "bad_input" });
  await ada.say("👩‍👩‍👧".repeat(500));
  expect(ada.texts).toEqual(["two lines and blanks", "👩‍👩‍👧".repeat(500)]);
});

test("slows down those who talk too fast, and nobody else", async () => {
  const app = start();
  const [ada, grace] = [await visit(app, "Ada"), await visit(app, "Grace")];
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, (_, i) => ada.say(`${i}`)));
  const refused = outcomes.filter(({ status }) => status === "rejected");
  expect(refused.length).toBeGreaterThan(2);
  for (const outcome of refused) expect(outcome).toMatchObject({ reason: { code: "rate_limited" } });
  await grace.say("Take your time");
  await vi.waitFor(() => expect(grace.texts).toContain("Take your time"));
  expect(grace.texts).toHaveLength(outcomes.length - refused.length + 1);
});
