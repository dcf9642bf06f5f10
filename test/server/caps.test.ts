import { describe, expect, test } from "vitest";
import { prism, type PrismOptions } from "../../mod.ts";
import { isAdmission } from "../../src/server/handshake.ts";
import type { Limits } from "../../src/wire/limits.ts";
import { FaultyStore } from "../session/servers.ts";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { admit, ask, createOpen, createStage, enter, RawPeer, type JoinOptions } from "./raw.ts";

expectNoUnhandledRejections();

function setUp(limits: Partial<Limits>, options: PrismOptions = {}) {
  const stage = createStage({ ...options, limits });
  const app = prism(stage.options).service("it", createOpen().service);

  /** 101, or why not; the place is kept. */
  async function status(remoteAddress?: string, join: JoinOptions = {}): Promise<number> {
    const answer = await ask(app, { ...join, ...(remoteAddress === undefined ? {} : { remoteAddress }) });
    return isAdmission(answer) ? 101 : answer.status;
  }
  return { ...stage, app, status };
}

describe("connections from one address", () => {
  test("are let in up to the limit, and one more is refused", async () => {
    const { status, app, log } = setUp({ connectionsPerAddress: 2 });
    expect([await status("192.0.2.1"), await status("192.0.2.1"), await status("192.0.2.1")]).toEqual([101, 101, 429]);
    expect(await status("192.0.2.2"), "another").toBe(101);
    const answer = (await ask(app, { remoteAddress: "192.0.2.1" })) as Response;
    expect(await answer.text()).toBe("Too many connections");
    expect(log.at(-1)).toMatchObject({
      level: "warn",
      message: "Refused by the option limits.connectionsPerAddress",
      data: { remoteAddress: "192.0.2.1", trustProxy: false },
    });
  });

  test.each([
    ["IPv4 within IPv6", ["192.0.2.1", "::ffff:192.0.2.1", "::FFFF:C000:0201", "0:0:0:0:0:ffff:192.0.2.1"]],
    ["one network of 64 bits", ["2001:db8::1", "2001:db8:0:0:ffff:ffff:ffff:ffff", "2001:DB8:0::abcd%eth0"]],
    ["several with a port", ["192.0.2.1:1", "192.0.2.1:2"]],
  ])("are counted together: %s", async (what, addresses) => {
    const { status } = setUp({ connectionsPerAddress: 1 }, { trustProxy: true });
    const statuses = [];
    for (const address of addresses) {
      // Ports come from proxies.
      if (what.includes("port")) statuses.push(await status("10.0.0.1", { headers: { "x-forwarded-for": address } }));
      else statuses.push(await status(address));
    }
    expect(statuses).toEqual([101, ...Array<number>(addresses.length - 1).fill(429)]);
  });

  test.each([
    ["neighbours", ["192.0.2.1", "192.0.2.2", "192.0.2.11"]],
    ["networks of 64 bits", ["2001:db8::1", "2001:db8:0:1::1", "2001:db8:1::1"]],
  ])("are counted apart: %s", async (_, addresses) => {
    const { status } = setUp({ connectionsPerAddress: 1 });
    for (const address of addresses) expect(await status(address)).toBe(101);
  });

  const inside = [
    "10.1.2.3",
    "127.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.1.1",
    "100.64.0.1",
    "100.127.255.255",
    "::1",
    "fe80::1",
    "febf::1",
    "fc00::1",
    "fd12:3456::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
  ];
  const outside = [
    "11.0.0.1",
    "128.0.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.167.1.1",
    "192.169.1.1",
    "169.253.1.1",
    "100.63.255.255",
    "100.128.0.1",
    "110.0.0.1",
    "1.127.0.1",
    "2001:db8::1",
    "2001:fd00::1",
    "::ffff:8.8.8.8",
    "ff02::1",
    "fec0::1",
  ];
  test.each([
    ["a private address, which most likely is a proxy's", inside, 101],
    ["a public one", outside, 429],
  ])("are not let in without end but from %s", async (_, addresses, last) => {
    for (const address of addresses) {
      const { status } = setUp({ connectionsPerAddress: 1 });
      expect([await status(address), await status(address)], address).toEqual([101, last]);
    }
  });

  test("are counted from private addresses, too, where proxies tell them", async () => {
    for (const address of inside) {
      const { status } = setUp({ connectionsPerAddress: 1 }, { trustProxy: 1 });
      const headers = { "x-forwarded-for": address };
      expect(await status("10.0.0.1", { headers }), address).toBe(101);
      expect(await status("10.0.0.2", { headers }), address).toBe(429);
    }
  });

  test("are counted by the address that is believed, and by no other", async () => {
    const trusting = setUp({ connectionsPerAddress: 1 }, { trustProxy: 1 });
    for (const spoof of ["1.1.1.1, ", "2.2.2.2, ", ""]) {
      const status = await trusting.status("10.0.0.1", { headers: { "x-forwarded-for": `${spoof}192.0.2.1` } });
      expect(status).toBe(spoof.startsWith("1") ? 101 : 429);
    }
    const trustless = setUp({ connectionsPerAddress: 1 });
    for (const [at, spoof] of ["1.1.1.1", "2.2.2.2"].entries()) {
      expect(await trustless.status("192.0.2.1", { headers: { "x-forwarded-for": spoof } })).toBe(at === 0 ? 101 : 429);
    }
  });

  test("of no known address are counted in all alone", async () => {
    const { status } = setUp({ connectionsPerAddress: 1, connections: 3 });
    expect([await status(), await status(), await status(), await status()]).toEqual([101, 101, 101, 503]);
  });

  test("are not counted under names of prototypes", async () => {
    const { status } = setUp({ connectionsPerAddress: 1 }, { trustProxy: 1 });
    for (const name of ["__proto__", "constructor", "toString"]) {
      const headers = { "x-forwarded-for": name };
      expect([await status("10.0.0.1", { headers }), await status("10.0.0.1", { headers })]).toEqual([101, 429]);
    }
  });
});

describe("connections in all", () => {
  test("are let in up to the limit, and one more is refused, and told when to come again", async () => {
    const { status, app, log } = setUp({ connections: 2 });
    expect([await status("192.0.2.1"), await status("192.0.2.2"), await status("192.0.2.3")]).toEqual([101, 101, 503]);
    const answer = (await ask(app)) as Response;
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(log.at(-1)?.message).toBe("Refused by the option limits.connections");
  });
});

describe("upgrades", () => {
  test("are let in so many a second, and no faster", async () => {
    const { status, clock, app } = setUp({ upgrades: 4 });
    const burst = async (count: number): Promise<number> => {
      let passed = 0;
      for (let at = 0; at < count; at++) if ((await status()) === 101) passed++;
      return passed;
    };
    expect(await burst(10)).toBe(4);
    expect(((await ask(app)) as Response).headers.get("retry-after")).toBe("1");
    await clock.advance(240);
    expect(await burst(10)).toBe(0);
    await clock.advance(11);
    expect(await burst(10)).toBe(1);
    await clock.advance(600);
    expect(await burst(10)).toBe(2);
    await clock.advance(151);
    expect(await burst(10)).toBe(1);
    await clock.advance(3_600_000);
    expect(await burst(10), "an hour saves up no more than a second").toBe(4);
  });

  test("are counted also where they come to nothing, and not where they are refused for their number", async () => {
    const { status, clock } = setUp({ upgrades: 2, connectionsPerAddress: 1 });
    expect(await status("192.0.2.1", { headers: { origin: "http://evil.example" } })).toBe(403);
    expect(await status("192.0.2.1")).toBe(101);
    expect(await status("192.0.2.2")).toBe(503);
    await clock.advance(1_000);
    for (let at = 0; at < 5; at++) expect(await status("192.0.2.1")).toBe(429);
    expect([await status("192.0.2.2"), await status("192.0.2.3"), await status("192.0.2.4")]).toEqual([101, 101, 503]);
  });
});

describe("a place is given back", () => {
  const secret = "a secret of the tests that is long enough";
  const remoteAddress = "192.0.2.1";

  /** One place in all, and one for the address: who comes next gets in only if both are free. */
  function single(options: PrismOptions = {}) {
    const stage = setUp({ connections: 1, connectionsPerAddress: 1, handshake: 1_000, patience: 1_000 }, options);
    const join = (more?: JoinOptions): Promise<RawPeer> => enter(stage.app, stage.clock, { remoteAddress, ...more });
    async function expectFree(): Promise<void> {
      const next = await ask(stage.app, { remoteAddress });
      if (!isAdmission(next)) throw new Error(`The place is taken: ${next.status}`);
      expect(await stage.status(remoteAddress), "and there is one only").not.toBe(101);
      next.abandon();
      next.abandon();
      expect(await stage.status(remoteAddress)).toBe(101);
      expect(await stage.status(remoteAddress), "given back once").not.toBe(101);
    }
    return { ...stage, join, expectFree };
  }

  test("by an upgrade that comes to nothing", async () => {
    const { app, expectFree } = single();
    (await admit(app, { remoteAddress })).abandon();
    await expectFree();
  });

  test("after a refused origin", async () => {
    const { status, expectFree } = single();
    expect(await status(remoteAddress, { headers: { origin: "http://evil.example" } })).toBe(403);
    await expectFree();
  });

  test.each<[string, PrismOptions["admit"], number]>([
    ["refuses", () => new Response(null, { status: 401 }), 401],
    ["refuses later", () => Promise.resolve(new Response(null, { status: 401 })), 401],
    ["throws", () => Promise.reject(new Error("why")), 500],
    [
      "throws at once",
      () => {
        throw new Error("why");
      },
      500,
    ],
    ["says what cannot be", () => ({ headers: { "a b": "c" } }), 500],
  ])("after a hook that %s", async (_, hook, wanted) => {
    let calls = 0;
    const { status, expectFree } = single({ admit: (...given) => (calls++ === 0 ? hook!(...given) : undefined) });
    expect(await status(remoteAddress)).toBe(wanted);
    await expectFree();
  });

  test("after a function for origins that throws", async () => {
    let calls = 0;
    const { status, expectFree } = single({ origins: () => (calls++ === 0 ? Promise.reject(new Error("why")) : true) });
    expect(await status(remoteAddress, { headers: { origin: "http://a.example" } })).toBe(500);
    await expectFree();
  });

  test("after a session that could not be read, and nobody has it", async () => {
    const store = new FaultyStore();
    const { app, status, expectFree } = single({ session: { storage: store, secret } });
    const visit = await app.sessions.open(new Request("http://localhost/"));
    visit.session.data = { n: 1 };
    const cookie = (await visit.finish())!.split(";")[0]!;
    store.down = true;
    expect(await status(remoteAddress, { headers: { cookie } })).toBe(503);
    store.heal();
    await expectFree();
  });

  test("after no hello in time, and after a wrong one", async () => {
    const late = single();
    await late.join({ protocols: undefined });
    await late.clock.advance(1_000);
    await late.expectFree();
    const wrong = single();
    await (await wrong.join({ protocols: undefined })).say('${"hello":0}');
    await wrong.expectFree();
  });

  test("by a client that goes before the welcome, and one that goes after it", async () => {
    for (const protocols of [undefined, "prism.1"]) {
      const { join, expectFree } = single();
      const peer = await join({ protocols });
      peer.socket.close(1000);
      await peer.say();
      await expectFree();
    }
  });

  test("by one that breaks the protocol, and one that the app closes", async () => {
    const broken = single();
    await (await broken.join()).say("&");
    await broken.expectFree();
    const closed = single();
    closed.app.events.on("connect", (connection) => connection.close("Not you"));
    await closed.join();
    closed.app.events.on("connect", () => {});
    await closed.expectFree();
  });

  test("by one that is not let in by its token, or says none in time", async () => {
    for (const token of ["wrong", undefined]) {
      const { join, expectFree, clock } = single({ authenticate: () => Promise.reject(new Error("No")) });
      const peer = await join();
      if (token === undefined) await clock.advance(2_000);
      else await peer.say(`\${"auth":"${token}"}`);
      expect(peer.closings).toMatchObject([{ code: 1008 }]);
      await expectFree();
    }
  });

  test("by one whose session ended between its admission and its socket", async () => {
    const { app, clock, expectFree } = single({ session: { secret } });
    const admission = await admit(app, { remoteAddress, protocols: "prism.1" });
    const cookie = admission.headers.get("set-cookie")!.split(";")[0]!;
    const visit = await app.sessions.open(new Request("http://localhost/", { headers: { cookie } }));
    await visit.session.destroy();
    await visit.finish();
    const peer = new RawPeer(clock);
    admission.open(peer.far);
    await peer.say();
    expect(peer.closings).toEqual([{ code: 1008, reason: "Session ended" }]);
    await expectFree();
  });

  test("by an app that closes: the count is what it was", async () => {
    const { app, join, clock, log } = single();
    const peer = await join();
    await app.close();
    await clock.settle();
    expect(peer.closings[0]?.code).toBe(1001);
    expect(await ask(app)).toMatchObject({ status: 503 });
    expect(log.at(-1)).toMatchObject({ message: "Refused", data: { status: 503, reason: "Closing" } });
  });

  test("by each of a thousand that come and go", async () => {
    const { app, clock, status } = setUp({ connectionsPerAddress: 3, connections: 3 });
    for (let at = 0; at < 1_000; at++) {
      const peer = await enter(app, clock, { remoteAddress });
      if (at % 2) peer.far.close(1001);
      peer.socket.close(1000);
      await clock.settle();
      await clock.advance(1);
    }
    expect(app.stats().connections).toBe(0);
    expect([await status(remoteAddress), await status(remoteAddress), await status(remoteAddress)]).toEqual([
      101, 101, 101,
    ]);
    expect(await status(remoteAddress)).not.toBe(101);
  });
});
