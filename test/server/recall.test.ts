import { describe, expect, test, vi } from "vitest";
import * as v from "valibot";
import { memory } from "../../src/broker/memory.ts";
import { createMemoryHandover } from "../../src/handover/memory-handover.ts";
import { prism } from "../../mod.ts";
import { serverClock } from "../../src/server/clock.ts";
import { rpc as rpcHalf } from "../../src/services/rpc/client.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";
import { connectInMemory } from "../../src/testing/connect-in-memory.ts";
import { createNetwork } from "../../src/testing/network.ts";
import type { PrismOptions } from "../../src/server/options.ts";
import { admit, enter, FakeServerClock } from "./raw.ts";
import { readVisit, toOffer, visit, type Visit } from "./returning.ts";
import { createServers as createTestServers, type TestServer } from "./servers.ts";
import { createStorage } from "unstorage";

/** Servers of one app, which share all that servers can. */
function createServers(count: number) {
  const broker = memory();
  const handover = createMemoryHandover(serverClock);
  const storage = createStorage();
  const secret = "0123456789abcdef0123456789abcdef";
  return Array.from({ length: count }, (_, place) => {
    const starts: string[] = [];
    const app = prism({
      broker,
      handover,
      session: { storage, secret },
    }).service(
      "calls",
      rpc({
        where: procedure(() => place),
        slow: procedure(v.number(), async (ms) => {
          starts.push("slow");
          await new Promise((resolve) => setTimeout(resolve, ms));
          return place;
        }),
        count: procedure(v.number(), async function* (to) {
          for (let i = 0; i < to; i++) {
            yield i;
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
          return place;
        }),
      }),
    );
    return { app, starts };
  });
}

type Server = ReturnType<typeof createServers>[number];

/** A way to several servers, as a balancer has it: each socket goes to the next. */
function roundRobin(servers: readonly Server[]): Server["app"] {
  let next = 0;
  return new Proxy(servers[0]!.app, {
    get: (target, name) =>
      name === "admit"
        ? (...args: Parameters<typeof target.admit>) => servers[next++ % servers.length]!.app.admit(...args)
        : Reflect.get(target, name),
  });
}

test("a connection goes on at whichever server its next socket reaches", async () => {
  const servers = createServers(3);
  const network = createNetwork({ clock: serverClock });
  const client = connectInMemory<Server["app"]>(roundRobin(servers), {
    services: { calls: rpcHalf() },
    network,
    reconnect: { min: 10 },
  });
  const said: string[] = [];
  for (const event of ["resumed", "reset"] as const) client.connection.on(event, () => said.push(event));
  expect(await client.calls.where()).toBe(0);
  for (let place = 1; place <= 4; place++) {
    network.lines.at(-1)!.cut();
    await vi.waitFor(() => expect(said).toHaveLength(place));
    expect(await client.calls.where()).toBe(place % 3);
  }
  expect(said).toEqual(["resumed", "resumed", "resumed", "resumed"]);
  expect(servers.map(({ app }) => app.stats().connections)).toEqual([0, 1, 0]);
  for (const { app } of servers) await app.close();
});

test("calls under way come to their end before it goes, if they do soon", async () => {
  const servers = createServers(2);
  const network = createNetwork({ clock: serverClock });
  const client = connectInMemory<Server["app"]>(roundRobin(servers), {
    services: { calls: rpcHalf() },
    network,
    reconnect: { min: 10 },
  });
  const call = client.calls.slow(300);
  call.catch(() => {});
  await vi.waitFor(() => expect(servers[0]!.starts).toEqual(["slow"]));
  network.lines.at(-1)!.cut();
  expect(await call).toBe(0);
  expect(await client.calls.where()).toBe(1);
  for (const { app } of servers) await app.close();
});

describe("a token", () => {
  function createStage(session: PrismOptions["session"] = false) {
    const clock = new FakeServerClock();
    const broker = memory();
    const { open } = createTestServers({
      clock,
      broker,
      session,
    });
    return { clock, first: open(), second: open() };
  }

  /** Somebody with a cookie of their own. */
  async function comeTo({ app }: TestServer, clock: FakeServerClock): Promise<Visit & { readonly cookie: string }> {
    const cookies = (await admit(app, { protocols: "prism.1" })).headers.get("set-cookie");
    const cookie = /^[^;]+/.exec(cookies ?? "")![0];
    const visited = await visit(app, clock, { headers: { cookie } });
    await visited.peer.say("%@");
    return { ...visited, cookie };
  }

  test("names its server, and is as hard to guess as any", async () => {
    const { first, second } = createStage();
    const [one, other, elsewhere] = [await first.join(), await first.join(), await second.join()];
    expect(one.token).toMatch(/^[\w-]{44}$/);
    expect(one.token.slice(0, 22)).toBe(other.token.slice(0, 22));
    expect(one.token.slice(22)).not.toBe(other.token.slice(22));
    expect(elsewhere.token.slice(0, 22)).not.toBe(one.token.slice(0, 22));
  });

  test("brings its connection over, whose older socket is closed with 1012", async () => {
    const { clock, first, second } = createStage();
    const { peer, token, welcome } = await first.join();
    const entered = await enter(second.app, clock, { protocols: toOffer(token, 0) });
    await clock.advance(1_000);
    expect((await readVisit(entered)).welcome).toMatchObject({ resumed: true, connection: welcome.connection });
    expect(peer.closings.map(({ code }) => code)).toEqual([1012]);
    expect([first, second].map(({ app }) => app.stats().connections)).toEqual([0, 1]);
  });

  test("of another session brings nothing, and its connection stays where it is", async () => {
    const { clock, first, second } = createStage({ secret: "0123456789abcdef0123456789abcdef" });
    const { peer, token, cookie } = await comeTo(first, clock);
    const thief = await enter(second.app, clock, { protocols: toOffer(token, 0) });
    await clock.advance(2_000);
    expect((await readVisit(thief)).welcome.resumed).toBe(false);
    expect(peer.closings).toEqual([]);
    expect([first, second].map(({ app }) => app.stats().connections)).toEqual([1, 1]);
    expect(cookie).toContain("=");
  });

  test("of a server that is gone brings nothing, after a moment", async () => {
    const { clock, first, second } = createStage();
    const { token } = await first.join();
    await first.app.close();
    const entered = await enter(second.app, clock, { protocols: toOffer(token, 0) });
    await clock.advance(600);
    expect((await readVisit(entered)).welcome.resumed).toBe(false);
  });

  test("that is shown twice at once brings its connection to one alone", async () => {
    const { clock, first, second } = createStage();
    const { token } = await first.join();
    const protocols = toOffer(token, 0);
    const both = [await enter(second.app, clock, { protocols }), await enter(second.app, clock, { protocols })];
    await clock.advance(10_000);
    const visits = await Promise.all(both.map((entered) => readVisit(entered)));
    expect(visits.map(({ welcome }) => welcome.resumed)).toContain(true);
    expect(first.app.stats().connections).toBe(0);
  });
});
