import { describe, expect, test } from "vitest";
import type { PrismError } from "../../mod.ts";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { enter } from "./raw.ts";
import { lose, readVisit, toOffer, watch } from "./returning.ts";
import { createBytes, createServers, failures } from "./servers.ts";

expectNoUnhandledRejections();

const lost = expect.objectContaining({ name: "PrismError", code: "lost" }) as PrismError;

describe("a connection that is handed over", () => {
  test("goes on at the next server: its id, counts, frames of both kinds, and state", async () => {
    const { open, clock } = createServers();
    const sends: ((bytes: Uint8Array) => void)[] = [];
    const server = () =>
      open({ admit: () => ({ state: { admitted: true } }) }, (app, service) => {
        app.service("it", service).service(
          "bytes",
          createBytes((host) => void sends.push((bytes) => host.broadcast(bytes))),
        );
      });
    const [one, two] = [server(), server()];
    const first = await one.join();
    await first.peer.say("@1", "@2");
    one.handles[0]!.state = { user: "u", deep: [{ ä: null }] };
    one.host.broadcast("acknowledged");
    one.host.broadcast("kept\u2028");
    sends[0]!(new Uint8Array([0, 30, 128, 255]));
    await first.peer.say();
    await first.peer.say("%A");
    await lose(first);
    one.host.broadcast("waiting");
    sends[0]!(new Uint8Array([1, 2]));
    await one.app.drain();
    expect(one.heard).toEqual(["connect", 1, 2, "disconnect"]);

    const second = await two.again(first.token, 1);
    expect(second.welcome).toMatchObject({ resumed: true, connection: first.welcome.connection, received: 2, sent: 1 });
    expect(second.welcome).not.toHaveProperty("services");
    expect(second.welcome.resume).not.toBe(first.token);
    // One binary packet for all, each frame behind its length; `A` is the number of the second service.
    const bytes = (text: string): string => new TextEncoder().encode(text).join(" ");
    expect(second.frames).toEqual([
      `<10 ${bytes('@"kept\u2028"')} 5 65 0 30 128 255 10 ${bytes('@"waiting"')} 3 65 1 2>`,
    ]);
    expect(two.handles[0]).toMatchObject({
      id: first.welcome.connection,
      state: { user: "u", deep: [{ ä: null }] },
      closed: false,
      suspended: false,
    });
    expect(await second.peer.say("%E", "@3", "?@@4")).toEqual(["=@4"]);
    expect(two.heard).toEqual(["connect", 3]);
    two.host.broadcast("on");
    expect(await second.peer.say()).toEqual(['@"on"']);
    expect(second.peer.closings).toEqual([]);
    expect([failures(one), failures(two)]).toEqual([[], []]);
    await lose(second, 1000);
    await clock.advance(200_000);
    expect([two.heard.at(-1), two.app.stats().connections, clock.timers]).toEqual(["disconnect", 0, 0]);
  });

  test("is told to move, and closed with 1012 once it can be found", async () => {
    const { open, clock } = createServers();
    const [one, two] = [open(), open()];
    const first = await one.join();
    const gone = watch(one.app.drain());
    await clock.advance(5);
    expect([first.peer.frames(), first.peer.closings]).toEqual([['${"draining":1000}'], []]);
    // What comes meanwhile is taken.
    await first.peer.say("@1");
    expect(one.heard).toEqual(["connect", 1]);
    await clock.advance(1_000);
    expect([first.peer.closings, gone]).toEqual([[{ code: 1012, reason: "Handed over" }], { value: "done" }]);
    const second = await two.again(first.token, 0);
    expect(second.welcome).toMatchObject({ resumed: true, received: 1 });
  });

  test("may be asked for sooner: whoever is asked waits for it, and nothing is lost or doubled", async () => {
    const { open, clock } = createServers();
    const [one, two] = [open(), open()];
    const first = await one.join();
    const gone = watch(one.app.drain());
    await clock.advance(5);
    const peer = await enter(two.app, clock, { protocols: toOffer(first.token, 0) });
    await clock.advance(900);
    expect([await peer.say(), peer.closings]).toEqual([[], []]);
    // The older socket still works, both ways.
    one.host.broadcast("late");
    expect(await first.peer.say("@1", "@2")).toEqual(['${"draining":1000}', '@"late"']);
    await clock.advance(200);
    const second = await readVisit(peer);
    expect(second.welcome).toMatchObject({ resumed: true, received: 2, sent: 0 });
    expect([second.frames, gone, first.peer.closings]).toEqual([
      ['@"late"'],
      { value: "done" },
      [{ code: 1012, reason: "Handed over" }],
    ]);
    await peer.say("%A", "@3");
    expect([one.heard, two.heard]).toEqual([
      ["connect", 1, 2, "disconnect"],
      ["connect", 3],
    ]);
  });

  test("goes on with either of its tokens, whichever of them its client has", async () => {
    for (const at of [0, 1]) {
      const { open } = createServers();
      const [one, two] = [open(), open()];
      const first = await one.join();
      const second = await one.again(first.token, 0);
      await lose(second);
      await one.app.drain();
      const third = await two.again([first.token, second.token][at]!, 0);
      expect(third.welcome, `${at}`).toMatchObject({ resumed: true, connection: first.welcome.connection });
      // Both servers keep to the same rules: what was shown is spent.
      expect(third.token === second.token).toBe(at === 0);
      await third.peer.say("%@");
      expect((await two.again(third.token, 0)).welcome.resumed).toBe(true);
    }
  });

  test("goes on with the only token of a client that has not said anything yet", async () => {
    const { open } = createServers();
    const [one, two] = [open(), open()];
    const first = await one.visit();
    await lose(first);
    await one.app.drain();
    expect((await two.again(first.token, 0)).welcome.resumed).toBe(true);
  });

  test("goes on and on, from server to server, without a client in between", async () => {
    const { open } = createServers();
    const servers = [open(), open(), open(), open()];
    let last = await servers[0]!.join();
    const { connection } = last.welcome;
    for (const [at, server] of servers.slice(1).entries()) {
      await last.peer.say(`@${at}`);
      servers[at]!.host.broadcast(at);
      await lose(last);
      await servers[at]!.app.drain();
      last = await server.again(last.token, at);
      expect(last.welcome).toMatchObject({ connection, resumed: true, received: at + 1, sent: at });
      expect(last.frames).toEqual([`@${at}`]);
      await last.peer.say(`%${"ABC"[at]}`);
    }
  });

  test("fails its calls with lost, and keeps the numbers of those that its client has not ended", async () => {
    const { open, clock } = createServers();
    const [one, two] = [open(), open()];
    one.app.use((inbound, next) => (inbound.kind === "call" ? new Promise(() => {}) : next(inbound)));
    const first = await one.join();
    const calls = [0, 1, 2].map((body) => watch(one.host.call(one.handles[0]!, body)));
    await first.peer.say("?@@1");
    await first.peer.say("=A7");
    await lose(first);
    await one.app.drain({ within: 0 });
    expect(calls).toEqual([{ error: lost }, { value: 7 }, { error: lost }]);

    const second = await two.again(first.token, 3);
    // Its own call has an ending, and it is to end those that nobody waits for.
    expect(second.frames).toEqual(['!@{"code":"lost"}', "#@", "#B"]);
    const asked = watch(two.host.call(two.handles[0]!, "a"));
    const next = watch(two.host.call(two.handles[0]!, "b"));
    expect(await second.peer.say("%C")).toEqual(['?A@"a"'.replace("A@", "@A"), '?@C"b"']);
    await second.peer.say('!@{"code":"cancelled"}', "=B1", "=A5", "=C6");
    expect([asked, next, second.peer.closings]).toEqual([{ value: 5 }, { value: 6 }, []]);
    void watch(two.host.call(two.handles[0]!, "c"));
    expect(await second.peer.say()).toEqual(['?@@"c"']);
    await clock.advance(100_000);
  });

  test("brings what its services have parked, each its own", async () => {
    const { open } = createServers();
    const seen: unknown[] = [];
    const [one, two] = [1, 2].map((server) =>
      open(
        {},
        (app, service) =>
          void app.service("it", service).service(
            "plain",
            createBytes((host) => host.onconnect(() => seen.push(["plain", server]))),
          ),
        (host) => {
          host.onpark(
            (connection) => (seen.push(["park", server, connection.closed]), { of: server, id: connection.id }),
          );
          host.onunpark((connection, parked) => seen.push(["unpark", server, connection.id, parked]));
        },
      ),
    ) as [ReturnType<typeof open>, ReturnType<typeof open>];
    const first = await one.join();
    await lose(first);
    await one.app.drain();
    await two.again(first.token, 0);
    const { connection: id } = first.welcome;
    expect(seen).toEqual([
      ["plain", 1],
      ["park", 1, true],
      ["unpark", 2, id, { of: 1, id }],
      ["plain", 2],
    ]);
    // Whoever goes on with what it has parked hears of no connection that opens.
    expect([one.heard, two.heard]).toEqual([["connect", "disconnect"], []]);
  });

  test("waits for a verdict at the next server, too", async () => {
    const { open } = createServers({ authenticate: () => undefined });
    const [one, two] = [open(), open()];
    const first = await one.join();
    await first.peer.say('${"auth":"a"}', "@1");
    await lose(first);
    await one.app.drain();
    const second = await two.again(first.token, 0);
    expect(second.welcome).toMatchObject({ resumed: true, received: 1, auth: true });
    await second.peer.say("%@", "@2");
    expect(two.heard).toEqual(["connect"]);
    await second.peer.say('${"auth":"b"}');
    expect(two.heard).toEqual(["connect", 2]);
  });
});

describe("a server that hands over", () => {
  test("lets none of its own clients back, while it drains", async () => {
    const { open, clock } = createServers();
    const one = open();
    const first = await one.join();
    void one.app.drain();
    await clock.advance(5);
    await expect(one.again(first.token, 0)).rejects.toThrow("503");
  });
});
