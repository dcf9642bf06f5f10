import { describe, expect, test } from "vitest";
import { prism, type PrismOptions } from "../../mod.ts";
import { isAdmission } from "../../src/server/handshake.ts";
import type { Session } from "../../src/session/session.ts";
import { defineService } from "../../src/service/service.ts";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { ask, createStage, RawPeer } from "./raw.ts";
import { lose, readVisit, toOffer, type Visit } from "./returning.ts";

expectNoUnhandledRejections();

const secret = "a secret of the tests that is long enough";

interface Come extends Visit {
  /** The client's cookie from now on. */
  readonly cookie: string;
  /** Whether the upgrade's response set it. */
  readonly given: boolean;
}

function setUp(options: PrismOptions = {}) {
  const stage = createStage({ session: { secret }, limits: { heartbeat: 100_000_000 }, ...options });
  const sessions: Session[] = [];
  const ends: string[] = [];
  const service = defineService({
    kind: "it",
    client: (host) => host,
    server: (host) => {
      host.oncall((_, { session }) => void sessions.push(session));
      host.ondisconnect(({ id }) => ends.push(id));
    },
  });
  const app = prism(stage.options).service("it", service);
  const { clock } = stage;
  const { sessions: all } = app.sessions["~gate"] as { sessions: { live: Map<string, { holders: Set<unknown> }> } };

  async function come(cookie?: string, resume?: readonly [token: string, received: number]): Promise<Come> {
    const headers = cookie === undefined ? {} : { cookie };
    const answer = await ask(app, { headers, protocols: resume === undefined ? "prism.1" : toOffer(...resume) });
    if (!isAdmission(answer)) throw new Error(`${answer.status}`);
    const peer = new RawPeer(clock);
    answer.open(peer.far);
    const visited = await readVisit(peer);
    const given = /^[^;]+/.exec(answer.headers.get("set-cookie") ?? "")?.[0];
    return { ...visited, cookie: given ?? cookie!, given: given !== undefined };
  }

  /** The session of the connection of a socket. */
  async function sessionOf({ peer }: Visit): Promise<Session> {
    await peer.say("?@@1");
    return sessions.at(-1)!;
  }
  /** Who has each session that somebody has. */
  const holders = (): number[] => [...all.live.values()].map((live) => live.holders.size);
  return { ...stage, app, come, sessionOf, ends, holders };
}

describe("a client that came with a cookie", () => {
  test("goes on with it, and keeps its session; what the new socket brought is let go of", async () => {
    const { come, sessionOf, holders } = setUp();
    const { cookie } = await come();
    const first = await come(cookie);
    const session = await sessionOf(first);
    await lose(first);
    const second = await come(cookie, [first.token, 1]);
    expect([second.welcome.resumed, second.given]).toEqual([true, false]);
    expect((await sessionOf(second)).id).toBe(session.id);
    // Two connections, one session, and nothing of the arrivals.
    expect(holders()).toEqual([2]);
  });

  test("does not go on without it, nor with another's", async () => {
    const { come, holders } = setUp();
    const first = await come((await come()).cookie);
    await first.peer.say("%@");
    const other = await come();
    for (const cookie of [undefined, other.cookie, "prism_session=forged"]) {
      const refused = await come(cookie, [first.token, 0]);
      expect(refused.welcome).toMatchObject({ resumed: false, services: {} });
      expect(refused.welcome.connection).not.toBe(first.welcome.connection);
      refused.peer.socket.close(1000);
      await refused.peer.say();
    }
    // The older is left as it is, its token, too.
    expect(first.peer.closings).toEqual([]);
    expect((await come(first.cookie, [first.token, 0])).welcome.resumed).toBe(true);
    expect(holders()).toEqual([2, 1]);
  });
});

describe("a client that came without one", () => {
  test("needs none to go on: its token says who it is", async () => {
    const { come, sessionOf, holders } = setUp();
    const first = await come();
    const session = await sessionOf(first);
    await lose(first);
    const second = await come(undefined, [first.token, 1]);
    expect(second.welcome.resumed).toBe(true);
    expect((await sessionOf(second)).id).toBe(session.id);
    expect(holders()).toEqual([1]);
  });

  test("may have kept the one that it was given", async () => {
    const { come, holders } = setUp();
    const first = await come();
    const second = await come(first.cookie, [first.token, 0]);
    expect([second.welcome.resumed, holders()]).toEqual([true, [1]]);
  });

  test("does not go on with another session's", async () => {
    const { come } = setUp();
    const [first, other] = [await come(), await come()];
    expect((await come(other.cookie, [first.token, 0])).welcome.resumed).toBe(false);
  });
});

describe("a session that ends while its connection waits for a socket", () => {
  test("ends it at once, and nobody goes on with it", async () => {
    const { come, sessionOf, ends, holders } = setUp();
    const first = await come();
    const [second, other] = [await come(first.cookie), await come()];
    await sessionOf(other);
    const session = await sessionOf(second);
    await lose(first);
    await session.destroy();
    expect(ends).toEqual([first.welcome.connection]);
    const again = await come(first.cookie, [first.token, 0]);
    expect([again.welcome.resumed, again.given, again.cookie === first.cookie]).toEqual([false, true, false]);
    expect(holders()).toEqual([1, 1]);
  });

  test("by its own word ends it, too, as soon as that would have been heard", async () => {
    const { come, sessionOf, ends, clock } = setUp();
    const first = await come();
    const session = await sessionOf(first);
    await lose(first);
    await session.destroy();
    await clock.advance(100);
    expect(ends).toEqual([first.welcome.connection]);
    expect((await come(undefined, [first.token, 1])).welcome.resumed).toBe(false);
  });
});

describe("after a new id", () => {
  test("a client goes on with its new cookie", async () => {
    const { app, come, sessionOf, clock, ends } = setUp();
    const first = await come((await come()).cookie);
    const session = await sessionOf(first);
    await first.peer.say("%A");
    await session.regenerate();
    const frame = (await first.peer.say()).find((one) => one.includes('"session"'))!;
    const { session: ticket } = JSON.parse(frame.slice(1)) as { session: string };
    await lose(first);
    // With the old one it is to come again, once it has the new one.
    await expect(come(first.cookie, [first.token, 1])).rejects.toThrow("503");
    const headers = { host: "app.example", cookie: first.cookie };
    const response = await app.fetch(
      new Request("http://app.example/prism/session", { method: "POST", body: ticket, headers }),
    );
    const cookie = /^[^;]+/.exec(response.headers.getSetCookie()[0]!)![0];
    const second = await come(cookie, [first.token, 1]);
    expect(second.welcome).toMatchObject({ resumed: true, connection: first.welcome.connection });
    expect((await sessionOf(second)).id).toBe(session.id);
    // It was the other connection of the old id that ended.
    await clock.advance(1_000);
    expect(ends).not.toContain(first.welcome.connection);
    expect(ends).toHaveLength(1);
  });

  test("a client that keeps no cookies goes on without", async () => {
    const { come, sessionOf } = setUp();
    const first = await come();
    const session = await sessionOf(first);
    await session.regenerate();
    await lose(first);
    const second = await come(undefined, [first.token, 1]);
    expect(second.welcome.resumed).toBe(true);
    expect((await sessionOf(second)).id).toBe(session.id);
  });
});
