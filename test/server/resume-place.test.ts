import { describe, expect, test } from "vitest";
import { isAdmission } from "../../src/server/handshake.ts";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { admit, ask, enter } from "./raw.ts";
import { createHearing, lose, toOffer } from "./returning.ts";

expectNoUnhandledRejections();

const remoteAddress = "192.0.2.1";

describe.each(["connections", "connectionsPerAddress"] as const)("at the cap: %s", (cap) => {
  function setUp(most: number) {
    const hearing = createHearing({ [cap]: most, resumeWithin: 1_000 });
    const { app, join, again } = hearing;
    return {
      ...hearing,
      join: () => join({ remoteAddress }),
      again: (token: string, received: number) => again(token, received, { remoteAddress }),
      status: async (protocols = "prism.1"): Promise<number> => {
        const answer = await ask(app, { remoteAddress, protocols });
        if (!isAdmission(answer)) return answer.status;
        answer.abandon();
        return 101;
      },
    };
  }
  const full = cap === "connections" ? 503 : 429;

  test("a connection that waits for a socket keeps its place, until it ends", async () => {
    const { join, status, clock } = setUp(1);
    await lose(await join());
    expect(await status()).toBe(full);
    await clock.advance(999);
    expect(await status()).toBe(full);
    await clock.advance(1);
    expect(await status()).toBe(101);
  });

  test("a client that comes back needs no other, however often, and gives none back", async () => {
    const { join, again, status, clock } = setUp(1);
    let last = await join();
    for (let i = 0; i < 5; i++) {
      if (i % 2) await lose(last);
      last = await again(last.token, 0);
      expect(last.welcome.resumed).toBe(true);
      expect(await status()).toBe(full);
    }
    await lose(last, 1000);
    expect(await status()).toBe(101);
    await clock.advance(10_000);
    expect([await status(), await status()]).toEqual([101, 101]);
  });

  test("whoever offers a token that nobody knows is one more", async () => {
    const { join, status } = setUp(1);
    await join();
    expect(await status(toOffer("x".repeat(22), 0))).toBe(full);
  });

  test("nobody has another connection for a token that it only shows", async () => {
    const { app, clock, join, again, status, heard } = setUp(1);
    const first = await join();
    for (let i = 0; i < 3; i++) {
      // Its count cannot be, so that this would be a new connection.
      const peer = await enter(app, clock, { remoteAddress, protocols: toOffer(first.token, 99) });
      expect(await peer.say()).toEqual([]);
      expect(peer.closings).toEqual([{ code: 1012, reason: "Too many connections" }]);
    }
    expect([heard, app.stats().connections]).toEqual([["connect"], 1]);
    expect((await again(first.token, 0)).welcome.resumed).toBe(true);
    expect(await status()).toBe(full);
  });

  test("but has, where there is room", async () => {
    const { join, again, app, status } = setUp(2);
    const first = await join();
    expect((await again(first.token, 99)).welcome.resumed).toBe(false);
    expect([app.stats().connections, await status()]).toEqual([2, full]);
  });

  test("an upgrade that comes to nothing leaves the connection its place, and its token", async () => {
    const { app, join, again, status } = setUp(1);
    const first = await join();
    const admission = await admit(app, { remoteAddress, protocols: toOffer(first.token, 0) });
    admission.abandon();
    expect(await status()).toBe(full);
    expect((await again(first.token, 0)).welcome.resumed).toBe(true);
    expect(await status()).toBe(full);
  });

  test("a connection that ends between the upgrade and the socket leaves a new one", async () => {
    const { app, clock, join, status, handles } = setUp(1);
    const first = await join();
    const protocols = toOffer(first.token, 0);
    const admission = await admit(app, { remoteAddress, protocols });
    handles[0]!.close();
    expect(await status()).toBe(full);
    admission.abandon();
    expect(await status()).toBe(101);
    const peer = await enter(app, clock, { remoteAddress, protocols });
    expect((await peer.say())[0]).toContain('"resumed":false');
    expect(await status()).toBe(full);
  });
});

test("upgrades are counted, whoever comes", async () => {
  const { join, again } = createHearing({ upgrades: 2 });
  const first = await join();
  const second = await again(first.token, 0);
  await expect(again(second.token, 0)).rejects.toThrow("503");
});
