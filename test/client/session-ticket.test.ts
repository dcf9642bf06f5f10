import { afterEach, expect, test, vi } from "vitest";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { createStage, type Stage } from "./scripted.ts";

expectNoUnhandledRejections();
afterEach(() => vi.unstubAllGlobals());

const page = { href: "https://page.example/app/index.html" };

function createPage(fetch: unknown, location: unknown = page): void {
  vi.stubGlobal("location", location);
  vi.stubGlobal("fetch", fetch);
}

/** Has a server give a ticket. */
async function give(stage: Stage, ticket: unknown): Promise<void> {
  const end = await stage.opened();
  end.say(`$${JSON.stringify({ session: ticket })}`, "(");
  await stage.clock.settle();
  expect(end.frames()).toEqual([")"]);
  expect(stage.client.connection.status).toBe("open");
}

const init = (body: string): unknown => ({ method: "POST", body, credentials: "include" });

test.each([
  ["ws://host", "http://host/prism/session"],
  ["wss://host:8443/prism/", "https://host:8443/prism/session"],
  ["https://host/deep/er?q=/a?b#c", "https://host/deep/er/session"],
  ["/api/?x", "https://page.example/api/session"],
])("a ticket for %s is handed in at %s", async (url, expected) => {
  const fetch = vi.fn(async () => ({ ok: true, status: 204 }));
  createPage(fetch);
  const stage = createStage({}, url);
  await give(stage, "aZ0-_");
  expect(fetch.mock.calls).toEqual([[expected, init("aZ0-_")]]);
  expect(stage.logged).toEqual([]);
});

test.each([undefined, null, 7, [], ["a"], "", "a b", "a/b", "a\n", "é", "x".repeat(129)])(
  "%j is no ticket",
  async (ticket) => {
    const fetch = vi.fn();
    createPage(fetch);
    const stage = createStage({}, "ws://host");
    await give(stage, ticket);
    expect(fetch).not.toHaveBeenCalled();
    expect(stage.logged).toEqual([]);
  },
);

test("128 characters are a ticket, and each is handed in", async () => {
  const fetch = vi.fn(async () => ({ ok: true, status: 204 }));
  createPage(fetch);
  const stage = createStage({ auth: "mine" }, "ws://host");
  const end = await stage.opened({ auth: true });
  const tickets = ["x".repeat(128), "y"];
  end.say(...tickets.map((session) => `$${JSON.stringify({ session })}`));
  await stage.clock.settle();
  expect(fetch.mock.calls).toEqual(tickets.map((ticket) => ["http://host/prism/session", init(ticket)]));
});

test("nothing is fetched where there is no page", async () => {
  const fetch = vi.fn();
  vi.stubGlobal("fetch", fetch);
  const stage = createStage();
  await give(stage, "ticket");
  expect(fetch).not.toHaveBeenCalled();
  createPage(undefined);
  const other = createStage({}, "ws://host");
  await give(other, "ticket");
  expect([...stage.logged, ...other.logged]).toEqual([]);
});

const broken = new Error("offline");

test.each<[string, () => unknown, Error]>([
  ["answers 403", async () => ({ ok: false, status: 403 }), new Error("Status 403")],
  ["rejects", async () => Promise.reject(broken), broken],
  [
    "throws",
    () => {
      throw broken;
    },
    broken,
  ],
])("a fetch that %s is logged, without the ticket", async (_, fetch, expected) => {
  createPage(fetch);
  const stage = createStage({}, "ws://host");
  await give(stage, "very-secret");
  expect(stage.logged).toEqual([{ message: "No session cookie", service: undefined, data: expected }]);
  expect(JSON.stringify(stage.logged)).not.toContain("secret");
});
