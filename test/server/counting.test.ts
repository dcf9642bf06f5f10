import { describe, expect, test } from "vitest";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { createHearing, lose } from "./returning.ts";

expectNoUnhandledRejections();

const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, at) => `@${from + at}`);

describe("what a client has sent", () => {
  test("is acknowledged within a second, and at once after 64 frames or 64 KiB", async () => {
    const { join, clock } = createHearing();
    const { peer } = await join();
    expect(await peer.say("@1", "@2")).toEqual([]);
    await clock.advance(1_000);
    expect(peer.frames()).toEqual(["%B"]);
    await clock.advance(10_000);
    expect(peer.frames()).toEqual([]);
    expect(await peer.say(...numbers(0, 63))).toEqual([]);
    expect(await peer.say("@1")).toEqual(["%bB"]);
    expect(await peer.say(`@"${"x".repeat(65_536)}"`)).toEqual(["%bC"]);
    // Nobody waits for a reminder.
    await clock.advance(2_000);
    expect([peer.frames(), clock.timers]).toEqual([[], 1]);
  });

  test("is acknowledged by the welcome of the next socket: nothing else is due", async () => {
    const { join, again, clock } = createHearing();
    const first = await join();
    await first.peer.say("@1");
    await lose(first);
    const second = await again(first.token, 0);
    expect(second.welcome.received).toBe(1);
    await second.peer.say("%@");
    await clock.advance(2_000);
    expect(second.peer.frames()).toEqual([]);
  });
});

describe("a count offered", () => {
  test.each([
    ["more than was sent", 4],
    ["far ahead", 2 ** 30],
    ["further back than half of all", 2 ** 31 - 1 - 2 ** 30],
  ])("that cannot be is a new connection, and the older is left as it is: %s", async (_, received) => {
    const { join, again, host, heard } = createHearing();
    const first = await join();
    for (let i = 0; i < 3; i++) host.broadcast(i);
    await first.peer.say();
    await first.peer.say("%C");
    const other = await again(first.token, received);
    expect(other.welcome).toMatchObject({ resumed: false, received: 0, sent: 0, services: {} });
    expect(first.peer.closings).toEqual([]);
    expect(await first.peer.say("@9")).toEqual([]);
    expect(heard).toEqual(["connect", "connect", 9]);
    expect((await again(first.token, 3)).welcome.resumed).toBe(true);
  });

  test.each([0, 1, 2, 3])("that is older than what was acknowledged may be: %d", async (received) => {
    const { join, again, host } = createHearing();
    const first = await join();
    for (let i = 0; i < 3; i++) host.broadcast(i);
    await first.peer.say();
    await first.peer.say("%C");
    expect((await again(first.token, received)).welcome).toMatchObject({ resumed: true, sent: 3 });
  });
});

describe("an acknowledgement", () => {
  test.each(["%C", "%D", "%a@", "%o______"])(
    "of what was not sent breaks the protocol, and ends the connection: %s",
    async (frame) => {
      const { join, again, host, heard } = createHearing();
      const first = await join();
      host.broadcast(1);
      await first.peer.say();
      await first.peer.say(frame);
      expect(first.peer.closings).toMatchObject([{ code: 1002 }]);
      expect(heard).toEqual(["connect", "disconnect"]);
      expect((await again(first.token, 0)).welcome.resumed).toBe(false);
    },
  );

  test("that goes back breaks the protocol", async () => {
    const { join, host } = createHearing();
    const { peer } = await join();
    host.broadcast(1);
    await peer.say();
    await peer.say("%A", "%A");
    expect(peer.closings).toEqual([]);
    await peer.say("%@");
    expect(peer.closings).toMatchObject([{ code: 1002 }]);
  });
});

describe("what is kept", () => {
  test("is forgotten, the oldest first, for a client that never sent `%`, which loses only what it could go on from", async () => {
    const { visit, again, host, heard } = createHearing({ replayFrames: 4 });
    const first = await visit();
    for (let i = 0; i < 10; i++) host.broadcast(i);
    expect(await first.peer.say("@1")).toEqual(numbers(0, 10));
    expect(heard).toEqual(["connect", 1]);
    expect((await again(first.token, 5)).welcome.resumed, "forgotten").toBe(false);
    const second = await again(first.token, 6);
    expect([second.welcome.resumed, second.frames]).toEqual([true, numbers(6, 10)]);
    expect((await again(second.token, 10)).frames).toEqual([]);
  });

  test("is bounded in characters, too", async () => {
    const { visit, again, host } = createHearing({ replayLimit: 100 });
    const first = await visit();
    const texts = ["a", "b", "c", "d"].map((letter) => letter.repeat(37));
    for (const text of texts) host.broadcast(text);
    const sent = texts.map((text) => `@"${text}"`);
    expect(await first.peer.say()).toEqual(sent);
    expect((await again(first.token, 1)).welcome.resumed).toBe(false);
    expect((await again(first.token, 2)).frames).toEqual(sent.slice(2));
  });

  test("holds new frames back for a client that acknowledges, until it does", async () => {
    const { join, host, again } = createHearing({ replayFrames: 4 });
    const first = await join();
    for (let i = 0; i < 10; i++) host.broadcast(i);
    expect(await first.peer.say()).toEqual(numbers(0, 4));
    expect(await first.peer.say("%B")).toEqual(numbers(4, 6));
    // Held back as they are, they were not counted.
    const second = await again(first.token, 3);
    expect([second.welcome.sent, second.frames]).toEqual([3, numbers(3, 7)]);
    expect(await second.peer.say("%G")).toEqual(numbers(7, 10));
  });

  test("may be one frame alone that is longer than all", async () => {
    const { join, host } = createHearing({ replayLimit: 100 });
    const { peer } = await join();
    const long = "x".repeat(1_000);
    host.broadcast(long);
    host.broadcast(1);
    expect(await peer.say()).toEqual([`@"${long}"`]);
    expect(await peer.say("%A")).toEqual(["@1"]);
  });

  test("ends a connection whose client takes nothing: more waits than may", async () => {
    const { join, clock, host, heard } = createHearing({ replayFrames: 4, sendLimit: 100 });
    const { peer } = await join();
    for (let i = 0; i < 4; i++) host.broadcast(i);
    await peer.say();
    host.broadcast("x".repeat(97));
    host.broadcast("x");
    clock.turn();
    expect(heard).toEqual(["connect"]);
    host.broadcast("x");
    clock.turn();
    expect(heard).toEqual(["connect", "disconnect"]);
    await peer.say();
    expect(peer.closings).toEqual([{ code: 4002, reason: "Slow consumer" }]);
  });
});
