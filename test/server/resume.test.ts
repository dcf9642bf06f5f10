import { describe, expect, test } from "vitest";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { enter } from "./raw.ts";
import { createHearing, lose, readVisit, toOffer, visit } from "./returning.ts";

expectNoUnhandledRejections();

describe("a resumed connection", () => {
  test("is the same one, with its counts, and no services", async () => {
    const { join, again, host, handles, heard, app } = createHearing();
    const first = await join();
    host.broadcast("a");
    host.broadcast("b");
    expect(await first.peer.say("@1", "@2", "@3")).toEqual(['@"a"', '@"b"']);
    await lose(first);
    const second = await again(first.token, 2);
    expect(second.welcome).toEqual({
      welcome: 1,
      connection: first.welcome.connection,
      resumed: true,
      resume: expect.stringMatching(/^[\w-]{22}$/),
      received: 3,
      sent: 2,
      heartbeat: 100_000_000,
      packet: 131_072,
    });
    expect(second.frames).toEqual([]);
    expect(handles).toHaveLength(1);
    await second.peer.say("%B", "@4");
    expect(heard).toEqual(["connect", 1, 2, 3, "suspend", "resume", 4]);
    expect(app.stats()).toMatchObject({ connections: 1, suspended: 0 });
  });

  test.each([0, 1, 2])("is sent again what its client has not got, from %d on", async (received) => {
    const { join, again, host } = createHearing();
    const first = await join();
    host.broadcast("a");
    host.broadcast("b");
    await first.peer.say();
    await lose(first);
    const second = await again(first.token, received);
    expect(second.welcome.sent).toBe(received);
    expect(second.frames).toEqual(['@"a"', '@"b"'].slice(received));
    // And once more where that did not arrive either.
    const third = await again(first.token, received);
    expect(third.frames).toEqual(['@"a"', '@"b"'].slice(received));
    host.broadcast("c");
    expect(await third.peer.say()).toEqual(['@"c"']);
  });

  test("replays behind the welcome, before what comes later, and calls and their answers too", async () => {
    const { join, again, host, handles } = createHearing();
    const first = await join();
    const call = host.call(handles[0]!, "q");
    await first.peer.say('?@@"x"');
    await lose(first);
    host.broadcast("later");
    const second = await again(first.token, 0);
    expect(second.frames).toEqual(['?@@"q"', '=@"x"', '@"later"']);
    await second.peer.say("%C", "=@7");
    expect(await call).toBe(7);
  });

  test("says what its client has acknowledged, where that is more than it offers", async () => {
    const { join, again, host } = createHearing();
    const first = await join();
    for (let i = 0; i < 3; i++) host.broadcast(i);
    await first.peer.say();
    await first.peer.say("%B");
    const second = await again(first.token, 1);
    expect([second.welcome.resumed, second.welcome.sent, second.frames]).toEqual([true, 2, ["@2"]]);
  });

  test("drops nothing of what its client sends from its own count on", async () => {
    const { join, again, heard } = createHearing();
    const first = await join();
    await first.peer.say("@1", "@2");
    await lose(first);
    const { peer } = await again(first.token, 0);
    // The client begins behind the welcome's `received`.
    await peer.say("%@", "@3", "@4");
    expect(heard.filter((one) => typeof one === "number")).toEqual([1, 2, 3, 4]);
  });

  test("has the counts that frames waiting for a socket take only when they are given to one", async () => {
    const { join, again, host } = createHearing();
    const first = await join();
    await lose(first);
    host.broadcast("a");
    const second = await again(first.token, 0);
    expect([second.welcome.sent, second.frames]).toEqual([0, ['@"a"']]);
    await second.peer.say("%A");
    await lose(second);
    expect((await again(second.token, 1)).frames).toEqual([]);
  });
});

describe("the older socket", () => {
  test("is closed with 4001, and nothing is taken from it any more", async () => {
    const { join, again, heard, host } = createHearing();
    const first = await join();
    const second = await again(first.token, 0);
    expect(first.peer.closings).toEqual([{ code: 4001, reason: "Taken over" }]);
    first.peer.far.onmessage("@1");
    host.broadcast("a");
    expect(await second.peer.say("%@", "@2")).toEqual(['@"a"']);
    expect(first.peer.frames()).toEqual([]);
    // No socket was missing in between.
    expect(heard).toEqual(["connect", 2]);
  });

  test.each([1000, 1002, 1006])("may have closed with %d at the moment: nobody hears of it", async (code) => {
    const { join, heard, app, clock } = createHearing();
    const first = await join();
    const peer = await enter(app, clock, { protocols: toOffer(first.token, 0) });
    first.peer.socket.close(code);
    const second = await readVisit(peer);
    expect(second.welcome.resumed).toBe(true);
    await second.peer.say("%@", "@1");
    expect(heard).toEqual(["connect", 1]);
  });

  test("is the one before, where several attempts arrive: the last wins", async () => {
    const { join, again, heard, host } = createHearing();
    const first = await join();
    await lose(first);
    const attempts = [await again(first.token, 0), await again(first.token, 0), await again(first.token, 0)];
    expect(new Set(attempts.map(({ token }) => token)).size).toBe(1);
    expect(attempts.map(({ welcome }) => welcome.resumed)).toEqual([true, true, true]);
    expect(attempts.map(({ peer }) => peer.closings.map(({ code }) => code))).toEqual([[4001], [4001], []]);
    for (const [at, { peer }] of attempts.entries()) peer.far.onmessage(`@${at}`);
    host.broadcast("a");
    expect(await attempts[2]!.peer.say()).toEqual(['@"a"']);
    expect(heard).toEqual(["connect", "suspend", "resume", 2]);
  });
});

describe("a token", () => {
  test("is different for each connection, and for each socket once the last was shown", async () => {
    const { join, again } = createHearing();
    const tokens = [(await join()).token, (await join()).token];
    for (let i = 0; i < 3; i++) tokens.push((await again(tokens.at(-1)!, 0)).token);
    expect(new Set(tokens).size).toBe(5);
    for (const token of tokens) expect(token).toMatch(/^[\w-]{22}$/);
  });

  test("is good for any number of welcomes that get lost", async () => {
    const { join, again } = createHearing();
    const first = await join();
    const lost = [await again(first.token, 0), await again(first.token, 0)];
    expect(lost.map(({ token }) => token)).toEqual([lost[0]!.token, lost[0]!.token]);
    expect((await again(first.token, 0)).welcome.resumed).toBe(true);
    // And the one that they gave is good, too, should one of them have arrived after all.
    expect((await again(lost[0]!.token, 0)).welcome.resumed).toBe(true);
  });

  test.each(["%@", "(", "@1", '${"auth":"t"}'])(
    "is spent by a frame behind the welcome that gave the next: %s",
    async (frame) => {
      const { join, again, app } = createHearing();
      const first = await join();
      const second = await again(first.token, 0);
      await second.peer.say(frame);
      const other = await again(first.token, 0);
      expect(other.welcome).toMatchObject({ resumed: false, received: 0, sent: 0, services: { it: [0, "open"] } });
      expect(other.welcome.connection).not.toBe(first.welcome.connection);
      // The older is left as it is.
      expect(second.peer.closings).toEqual([]);
      expect(await second.peer.say("?@@1")).toEqual(["=@1"]);
      expect(app.stats()).toMatchObject({ connections: 2, suspended: 0 });
      expect((await again(second.token, 0)).welcome).toMatchObject({ resumed: true });
    },
  );

  test("is spent by the offer of the next", async () => {
    const { join, again } = createHearing();
    const first = await join();
    const second = await again(first.token, 0);
    const third = await again(second.token, 0);
    expect(third.welcome.resumed).toBe(true);
    expect((await again(first.token, 0)).welcome.resumed).toBe(false);
    expect((await again(second.token, 0)).welcome.resumed).toBe(true);
  });

  test("is not spent by an older socket, whose welcome gave it", async () => {
    const { join, again } = createHearing();
    const first = await join();
    const second = await again(first.token, 0);
    first.peer.far.onmessage("%@");
    expect((await again(first.token, 0)).token).toBe(second.token);
  });

  test("of a welcome that nobody has answered is good: offering it shows it", async () => {
    const { visit, again } = createHearing();
    const first = await visit();
    expect((await again(first.token, 0)).welcome).toMatchObject({
      resumed: true,
      connection: first.welcome.connection,
    });
  });

  test("that nobody knows is a new connection", async () => {
    const { again } = createHearing();
    expect((await again("x".repeat(22), 0)).welcome).toMatchObject({ resumed: false, services: {} });
  });

  test("of a connection that has ended is a new connection", async () => {
    const { join, again, handles } = createHearing();
    const [left, closed] = [await join(), await join()];
    await lose(left, 1000);
    handles[1]!.close();
    expect((await again(left.token, 0)).welcome.resumed).toBe(false);
    expect((await again(closed.token, 0)).welcome.resumed).toBe(false);
  });

  test("may come with a hello", async () => {
    const { app, clock } = createHearing();
    const hello = (more: object = {}): string => `$${JSON.stringify({ hello: 1, ...more })}`;
    const open = async (...said: string[]) => readVisit(await enter(app, clock, { protocols: undefined }), ...said);
    const first = await open(hello());
    await first.peer.say("%@", "@1");
    await lose(first);
    const second = await open(hello({ resume: first.token, received: 0 }));
    expect(second.welcome).toMatchObject({ resumed: true, received: 1, connection: first.welcome.connection });
  });

  test("that came with a hello is spent by the first frame behind the welcome, too", async () => {
    const { app, clock } = createHearing();
    const hello = (more: object = {}): string => `$${JSON.stringify({ hello: 1, ...more })}`;
    const open = async (...said: string[]) => readVisit(await enter(app, clock, { protocols: undefined }), ...said);
    const first = await open(hello());
    await first.peer.say("%@");
    const second = await open(hello({ resume: first.token, received: 0 }));
    await second.peer.say("%@");
    expect((await open(hello({ resume: first.token, received: 0 }))).welcome.resumed).toBe(false);
    expect((await open(hello({ resume: second.token, received: 0 }))).welcome.resumed).toBe(true);
  });

  test("is said nowhere where connections end with their sockets", async () => {
    for (const limits of [{ resumeWithin: 0 }, { replayLimit: 0 }]) {
      const { visit: open, heard, clock, app } = createHearing(limits);
      const first = await open();
      expect(first.welcome).not.toHaveProperty("resume");
      await first.peer.say("%@", ...Array.from({ length: 70 }, () => "@1"));
      await clock.advance(2_000);
      expect(first.peer.frames()).toEqual([]);
      await lose(first);
      expect(heard.filter((one) => typeof one === "string")).toEqual(["connect", "disconnect"]);
      expect((await visit(app, clock)).welcome.resumed).toBe(false);
    }
  });
});
