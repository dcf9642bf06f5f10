import { createStorage } from "unstorage";
import { describe, expect, test } from "vitest";
import { isAdmission } from "../../src/server/handshake.ts";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { ask, enter, RawPeer } from "./raw.ts";
import { lose, readVisit, toOffer, watch, type Visit } from "./returning.ts";
import { createServers, failures, type TestServer } from "./servers.ts";

expectNoUnhandledRejections();

describe("a connection with a session", () => {
  function setUp() {
    const shared = { session: { secret: "a secret of the tests that is long enough", storage: createStorage() } };
    const { open, clock } = createServers(shared);

    async function come(server: TestServer, cookie?: string, resume?: string): Promise<Visit & { cookie: string }> {
      const headers = cookie === undefined ? {} : { cookie };
      const answer = await ask(server.app, {
        headers,
        protocols: resume === undefined ? "prism.1" : toOffer(resume, 0),
      });
      if (!isAdmission(answer)) throw new Error(`${answer.status}`);
      const peer = new RawPeer(clock);
      answer.open(peer.far);
      const visited = await readVisit(peer, ...(resume === undefined ? ["%@"] : []));
      const given = /^[^;]+/.exec(answer.headers.get("set-cookie") ?? "")?.[0];
      return { ...visited, cookie: given ?? cookie! };
    }
    const live = ({ app }: TestServer): number[] => {
      const { sessions } = app.sessions["~gate"] as { sessions: { live: Map<string, { holders: Set<unknown> }> } };
      return [...sessions.live.values()].map(({ holders }) => holders.size);
    };
    return { one: open(), two: open(), come, live };
  }

  test("goes on for the cookie of its session only, and stays where it is for its own client", async () => {
    const { one, two, come, live } = setUp();
    const zero = await come(one);
    const { cookie } = zero;
    await lose(zero, 1000);
    const first = await come(one, cookie);
    await lose(first);
    await one.app.drain();
    const other = await come(two);
    for (const wrong of [other.cookie, undefined]) {
      const refused = await come(two, wrong, first.token);
      expect(refused.welcome.resumed).toBe(false);
      refused.peer.socket.close(1000);
      await refused.peer.say();
    }
    const second = await come(two, cookie, first.token);
    expect(second.welcome).toMatchObject({ resumed: true, connection: first.welcome.connection });
    expect(live(two)).toEqual([1, 1]);
    await lose(second, 1000);
    expect(live(two)).toEqual([1]);
  });

  test("goes on without a cookie where it had none, and has its session again", async () => {
    const { one, two, come, live } = setUp();
    const first = await come(one);
    await lose(first);
    await one.app.drain();
    const second = await come(two, undefined, first.token);
    expect([second.welcome.resumed, live(two)]).toEqual([true, [1]]);
    // And its own cookie, which it may have kept, is one of that session.
    expect((await come(two, first.cookie, second.token)).welcome.resumed).toBe(true);
    expect(live(two)).toEqual([1]);
  });

  test("that went to another server is refused to a client of another session that had a cookie", async () => {
    const { one, two, come } = setUp();
    const first = await come(one);
    await lose(first);
    await one.app.drain();
    const other = await come(two);
    expect((await come(two, other.cookie, first.token)).welcome.resumed).toBe(false);
    expect((await come(two, undefined, first.token)).welcome.resumed).toBe(true);
  });
});

describe("state that is not JSON", () => {
  class Cart {
    readonly items: string[] = [];
  }

  test.each([
    ["a Date", { at: new Date(0) }, "at"],
    ["an object of a class", { cart: new Cart() }, "cart"],
    ["a Map, further down", { deep: [{ map: new Map() }] }, "map"],
    ["a function", { run: () => {} }, "run"],
  ])("is a reset, and the log says what: %s", async (_, state, key) => {
    const { open, clock } = createServers();
    const [one, two] = [open(), open()];
    const first = await one.join();
    one.handles[0]!.state = state;
    const gone = watch(one.app.drain());
    await clock.advance(2_000);
    expect(gone).toEqual({ value: "done" });
    expect(failures(one)).toEqual([
      [
        "Parking a connection failed",
        `TypeError: The connection's state has "${key}", which is not JSON: it cannot be handed over`,
      ],
    ]);
    expect([first.peer.closings, one.heard]).toEqual([
      [{ code: 1012, reason: "Handed over" }],
      ["connect", "disconnect"],
    ]);
    const peer = await enter(two.app, clock, { protocols: toOffer(first.token, 0) });
    await clock.advance(8_100);
    expect((await readVisit(peer)).welcome.resumed).toBe(false);
  });

  test("that a service has parked is one, too", async () => {
    const { open } = createServers();
    const one = open({}, undefined, (host) => host.onpark(() => new Map()));
    await lose(await one.join());
    await one.app.drain();
    expect(failures(one)).toMatchObject([
      ["Parking a connection failed", expect.stringContaining("What it has parked has")],
    ]);
  });
});

describe("a service that throws", () => {
  test("as it parks costs its connection, and no other", async () => {
    const { open, clock } = createServers();
    let count = 0;
    const one = open({}, undefined, (host) =>
      host.onpark(() => {
        if (count++ === 0) throw new Error("Not now");
      }),
    );
    const two = open();
    const [first, other] = [await one.join(), await one.join()];
    await lose(first);
    await lose(other);
    await one.app.drain();
    expect(failures(one)).toEqual([["Parking a connection failed", "Error: Not now"]]);
    expect(one.heard.filter((one) => one === "disconnect")).toHaveLength(2);
    expect((await two.again(other.token, 0)).welcome.resumed).toBe(true);
    const peer = await enter(two.app, clock, { protocols: toOffer(first.token, 0) });
    await clock.advance(600);
    expect((await readVisit(peer)).welcome.resumed).toBe(false);
  });

  test("as it is to go on leaves nothing behind: its client hears of a reset", async () => {
    const { open, clock } = createServers({ limits: { connectionsPerAddress: 1 } });
    const remoteAddress = "192.0.2.1";
    const parks = (throws: boolean) =>
      open({}, undefined, (host) => {
        host.onpark(() => 1);
        host.onunpark(() => {
          if (throws) throw new Error("Too old");
        });
      });
    const [one, two] = [parks(false), parks(true)];
    const first = await one.join({ remoteAddress });
    await lose(first);
    await one.app.drain();
    const peer = await enter(two.app, clock, { protocols: toOffer(first.token, 0), remoteAddress });
    expect(await peer.say()).toEqual([]);
    expect(peer.closings).toEqual([{ code: 1012, reason: "Cannot go on" }]);
    expect(failures(two)).toEqual([["Taking up a connection failed", "Error: Too old"]]);
    expect(two.app.stats()).toMatchObject({ connections: 0, suspended: 0 });
    // It waited for its socket, so that it is a reset.
    expect(two.heard).toEqual(["reset", "disconnect"]);
    expect(clock.timers).toBe(0);
    // The next attempt has its place, and finds nobody.
    const next = await enter(two.app, clock, { protocols: toOffer(first.token, 0), remoteAddress });
    await clock.advance(600);
    expect((await readVisit(next)).welcome.resumed).toBe(false);
  });
});

test("more than may be kept, as calls end with it, goes along: nothing is lost in silence", async () => {
  const { open, clock } = createServers({ limits: { replayFrames: 2 } });
  const [one, two] = [open(), open()];
  one.app.use((inbound, next) => (inbound.kind === "call" ? new Promise(() => {}) : next(inbound)));
  const first = await one.join();
  one.host.broadcast(1);
  one.host.broadcast(2);
  await first.peer.say("?@@1", "?@A2");
  const gone = watch(one.app.drain({ within: 100 }));
  await clock.advance(200);
  expect([gone, failures(one)]).toEqual([{ value: "done" }, []]);
  const second = await two.again(first.token, 0);
  expect([second.welcome.resumed, second.frames]).toEqual([true, ["@1", "@2"]]);
  expect(await second.peer.say("%B")).toEqual(['!@{"code":"lost"}', '!A{"code":"lost"}']);
});
