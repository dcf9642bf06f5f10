import { describe, expect, test } from "vitest";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { enter, FakeServerClock } from "./raw.ts";
import { lose, readVisit, toOffer, watch } from "./returning.ts";
import { createServers, failures, FaultyHandover, type TestServer } from "./servers.ts";

expectNoUnhandledRejections();

/** Drains a server whose client has lost its socket. */
async function handOver(from: TestServer): Promise<string> {
  const first = await from.join();
  await lose(first);
  await from.app.drain();
  return first.token;
}

/** Nothing is left of any connection. */
function expectNothingLeft({ app }: TestServer, clock: FakeServerClock): void {
  expect([app.stats().connections, app.stats().suspended]).toEqual([0, 0]);
  expect(clock.timers).toBe(0);
}

describe("where nobody has handed anything over", () => {
  test("a client has a new connection soon", async () => {
    const { open, clock } = createServers();
    const two = open();
    const peer = await enter(two.app, clock, { protocols: toOffer("x".repeat(22), 0) });
    await clock.advance(499);
    expect(await peer.say()).toEqual([]);
    await clock.advance(30);
    const { welcome } = await readVisit(peer);
    expect(welcome).toMatchObject({ resumed: false, services: { it: [0, "open"] } });
    expect([two.heard, failures(two)]).toEqual([["connect"], []]);
    await peer.say("%@", "@1");
    expect(two.heard).toEqual(["connect", 1]);
  });

  test("though it was announced, a client has one well within the handshake", async () => {
    const { open, clock } = createServers();
    const [one, two] = [open(), open()];
    const first = await one.join();
    void one.app.drain();
    await clock.advance(5);
    // It never comes to parking.
    await lose(first, 1000);
    const peer = await enter(two.app, clock, { protocols: toOffer(first.token, 0) });
    await clock.advance(7_900);
    expect(await peer.say()).toEqual([]);
    await clock.advance(150);
    expect((await readVisit(peer)).welcome.resumed).toBe(false);
  });

  test("a record whose time is over is as good as none", async () => {
    const { open, clock } = createServers({ limits: { resumeWithin: 5_000 } });
    const [one, two] = [open(), open()];
    const token = await handOver(one);
    await clock.advance(5_000);
    const peer = await enter(two.app, clock, { protocols: toOffer(token, 0) });
    await clock.advance(600);
    expect((await readVisit(peer)).welcome.resumed).toBe(false);
  });

  test("a token that was taken up is not to be had again", async () => {
    const { open, clock } = createServers();
    const [one, two, three] = [open(), open(), open()];
    const token = await handOver(one);
    expect((await two.again(token, 0)).welcome.resumed).toBe(true);
    const peer = await enter(three.app, clock, { protocols: toOffer(token, 0) });
    await clock.advance(600);
    expect((await readVisit(peer)).welcome.resumed).toBe(false);
  });
});

describe("a client that goes away while it waits", () => {
  test("finds its connection with its next attempt", async () => {
    const { open, clock } = createServers();
    const [one, two, three] = [open(), open(), open()];
    const first = await one.join();
    await first.peer.say("@1");
    const gone = watch(one.app.drain());
    await clock.advance(5);
    const impatient = await enter(two.app, clock, { protocols: toOffer(first.token, 0) });
    await clock.advance(100);
    impatient.socket.close(1006);
    await clock.advance(1_000);
    expect(gone).toEqual({ value: "done" });
    const second = await three.again(first.token, 0);
    expect(second.welcome).toMatchObject({ resumed: true, received: 1 });
    expect([two.heard, two.app.stats().connections]).toEqual([[], 0]);
  });

  test("as its record is found leaves it there", async () => {
    const clock = new FakeServerClock();
    const handover = new FaultyHandover(clock);
    const { open } = createServers({ clock, handover });
    const [one, two] = [open(), open()];
    const token = await handOver(one);
    handover.taking = "slow";
    const peer = await enter(two.app, clock, { protocols: toOffer(token, 0) });
    peer.socket.close(1006);
    await clock.advance(1_000);
    handover.taking = "works";
    expect([two.heard, two.app.stats().connections]).toEqual([[], 0]);
    expect((await two.again(token, 0)).welcome.resumed).toBe(true);
  });
});

describe("a handover that does not work", () => {
  function setUp() {
    const clock = new FakeServerClock();
    const handover = new FaultyHandover(clock);
    const { open } = createServers({ clock, handover });
    return { clock, handover, one: open(), two: open() };
  }

  test.each(["rejects", "hangs"] as const)(
    "keeps nobody from draining: it %s as connections are parked",
    async (how) => {
      const { clock, handover, one } = setUp();
      const [first, other] = [await one.join(), await one.join()];
      handover.parking = how;
      const gone = watch(one.app.drain({ within: 1_000 }));
      await clock.advance(11_000);
      expect(gone).toEqual({ value: "done" });
      expect([first, other].map(({ peer }) => peer.closings.map(({ code }) => code))).toEqual([[1012], [1012]]);
      const why = how === "rejects" ? "Connection refused" : "The handover took longer than 5000 ms";
      expect(failures(one)).toHaveLength(4);
      expect(new Set(failures(one).map((failure) => String(failure)))).toEqual(
        new Set(
          ["Announcing", "Parking"].map(
            (what) => `${what} a connection failed,${how === "rejects" ? "Error" : "PrismError"}: ${why}`,
          ),
        ),
      );
      expectNothingLeft(one, clock);
    },
  );

  test("that rejects is a new connection at the next server, and the log says why", async () => {
    const { clock, handover, one, two } = setUp();
    const token = await handOver(one);
    handover.taking = "rejects";
    const { welcome } = await two.again(token, 0);
    expect(welcome.resumed).toBe(false);
    expect(failures(two)).toEqual([["Taking up a connection failed", "Error: Connection refused"]]);
    void clock;
  });

  test("that hangs is one, too, in time", async () => {
    const { clock, handover, one, two } = setUp();
    const token = await handOver(one);
    handover.taking = "hangs";
    const peer = await enter(two.app, clock, { protocols: toOffer(token, 0) });
    await clock.advance(9_999);
    expect(await peer.say()).toEqual([]);
    await clock.advance(1);
    expect((await readVisit(peer)).welcome.resumed).toBe(false);
    expect(failures(two)).toEqual([
      ["Taking up a connection failed", "PrismError: The handover took longer than 10000 ms"],
    ]);
    await peer.say("%@", "@1");
    expect(two.heard).toEqual(["connect", 1]);
  });

  test("that answers after its time brings nobody in: there is one connection, and the record is there again", async () => {
    const { clock, handover, one, two } = setUp();
    const token = await handOver(one);
    handover.taking = "late";
    const peer = await enter(two.app, clock, { protocols: toOffer(token, 0) });
    await clock.advance(10_000);
    expect((await readVisit(peer)).welcome.resumed).toBe(false);
    await peer.say("%@");
    handover.answer();
    await clock.settle();
    expect([two.heard, two.app.stats().connections]).toEqual([["connect"], 1]);
    handover.taking = "works";
    expect((await two.again(token, 0)).welcome.resumed).toBe(true);
  });

  test("and takes its time leaves the socket open meanwhile, from which nothing is taken", async () => {
    const { clock, handover, one, two } = setUp();
    const first = await one.join();
    await first.peer.say("@1");
    handover.parking = "late";
    const gone = watch(one.app.drain({ within: 100 }));
    // The mark, then the record.
    await clock.advance(100);
    handover.answer();
    await clock.advance(200);
    expect(one.heard).toEqual(["connect", 1, "disconnect"]);
    first.peer.frames();
    // But signs of life are answered.
    expect(await first.peer.say("@2", "%@", "?@@3", "(", '${"auth":"t"}')).toEqual([")"]);
    expect([first.peer.closings, gone]).toEqual([[], {}]);
    handover.parking = "works";
    handover.answer();
    await clock.settle();
    expect([first.peer.closings, gone]).toEqual([[{ code: 1012, reason: "Handed over" }], { value: "done" }]);
    expect((await two.again(first.token, 0)).welcome).toMatchObject({ resumed: true, received: 1 });
  });
});
