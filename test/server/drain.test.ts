import { describe, expect, test } from "vitest";
import { prism, type PrismError } from "../../mod.ts";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { admit, ask, createOpen, createStage, RawPeer, type JoinOptions } from "./raw.ts";
import { createHearing, lose, readVisit, toOffer, visit, visitAgain, watch } from "./returning.ts";

expectNoUnhandledRejections();

const lost = expect.objectContaining({ name: "PrismError", code: "lost" }) as PrismError;
const draining = '${"draining":0}';
const restart = { code: 1012, reason: "Draining" };

/** An app whose calls are answered when the test says so. */
function setUp(options = {}) {
  const answers: (() => void)[] = [];
  const signals: AbortSignal[] = [];
  const handles: unknown[] = [];
  const heard: unknown[] = [];
  const stage = createStage({ limits: { heartbeat: 100_000_000 }, ...options });
  const { clock } = stage;
  const { service, host } = createOpen((given) => {
    given.onconnect((connection) => handles.push(connection));
    given.onreset(() => heard.push("reset"));
    given.ondisconnect(() => heard.push("disconnect"));
    given.onmessage((body) => heard.push(body));
    given.onclose(() => heard.push("close"));
    given.oncall((body, { signal }) => {
      signals.push(signal);
      return new Promise((resolve) => answers.push(() => resolve(body)));
    });
  });
  const app = prism(stage.options).service("it", service);
  return {
    ...stage,
    app,
    answers,
    signals,
    handles: handles as Parameters<ReturnType<typeof host>["send"]>[0][],
    heard,
    host: host(),
    join: async (join?: JoinOptions) => {
      const visited = await visit(app, clock, join);
      await visited.peer.say("%@");
      return visited;
    },
    again: (token: string, received: number) => visitAgain(app, clock, token, received),
  };
}

describe("while it drains, an app", () => {
  test("refuses who is new, and says so to whoever asks how it is", async () => {
    const { app, join, clock, log, answers } = setUp();
    const { peer } = await join();
    await peer.say("?@@1");
    const gone = watch(app.drain());
    const refused = (await ask(app, { protocols: "prism.1" })) as Response;
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(log.at(-1)).toMatchObject({ message: "Refused", data: { status: 503, reason: "Closing" } });
    const unknown = (await ask(app, { protocols: toOffer("x".repeat(22), 0) })) as Response;
    expect(unknown.status).toBe(503);
    const health = await app.fetch(new Request("http://localhost/prism/health"));
    expect([health.status, await health.json()]).toEqual([503, { status: "closing", connections: 1 }]);
    await clock.advance(1_000);
    expect(gone).toEqual({});
    answers[0]!();
    await clock.advance(100);
    expect(gone).toEqual({ value: "done" });
    expect(((await ask(app, { protocols: "prism.1" })) as Response).status).toBe(503);
  });

  test("lets its own clients come back: nobody else goes on with their connections", async () => {
    const { app, join, again, clock, answers } = setUp();
    const first = await join();
    await first.peer.say("?@@1");
    const gone = watch(app.drain());
    await clock.advance(100);
    expect(first.peer.frames()).toEqual([draining]);
    const second = await again(first.token, 0);
    expect([second.welcome.resumed, first.peer.closings]).toEqual([true, [{ code: 4001, reason: "Taken over" }]]);
    await second.peer.say("%@", "?@A2");
    answers.forEach((answer) => answer());
    await clock.advance(100);
    expect([second.peer.frames(), second.peer.closings, gone]).toEqual([["=@1", "=A2"], [restart], { value: "done" }]);
  });
});

describe("draining", () => {
  test("tells each client, at moments of their own, and closes with 1012", async () => {
    const { app, join, clock, heard, log } = setUp();
    const peers = [(await join()).peer, (await join()).peer, (await join()).peer];
    const gone = watch(app.drain());
    const chances = [0, 0.5, 0.9];
    clock.random = () => chances.shift() ?? 0;
    await clock.advance(0);
    // The first was asked for its chance before there were others.
    const told = (): boolean[] => peers.map((peer) => peer.frames().includes(draining));
    const seen = [told()];
    await clock.advance(100);
    seen.push(told());
    expect(seen.flat().filter(Boolean)).toHaveLength(3);
    expect(peers.map(({ closings }) => closings)).toEqual([[restart], [restart], [restart]]);
    expect(heard).toEqual(["disconnect", "disconnect", "disconnect", "close"]);
    expect([gone, clock.timers]).toEqual([{ value: "done" }, 0]);
    expect(log.at(-1)).toMatchObject({ message: "Disconnected", data: restart });
  });

  test("spreads them over half of the time at most", async () => {
    const { app, join, clock } = setUp();
    const peers: RawPeer[] = [];
    for (let i = 0; i < 40; i++) peers.push((await join()).peer);
    let at = 0;
    clock.random = () => at++ / 40;
    const gone = watch(app.drain({ within: 200 }));
    const closed = (): number => peers.filter(({ closings }) => closings.length > 0).length;
    await clock.advance(0);
    expect(closed()).toBe(1);
    await clock.advance(50);
    expect(closed()).toBeGreaterThan(15);
    expect(closed()).toBeLessThan(25);
    await clock.advance(50);
    expect([closed(), gone]).toEqual([40, { value: "done" }]);
  });

  test("waits for calls both ways, and goes on taking what comes meanwhile", async () => {
    const { app, join, clock, host, handles, answers, heard } = setUp();
    const { peer } = await join();
    await peer.say("?@@1");
    const call = watch(host.call(handles[0]!, "q"));
    const gone = watch(app.drain());
    await clock.advance(1_000);
    expect(await peer.say("@2")).toEqual(['?@@"q"', draining, "%A"]);
    answers[0]!();
    await clock.advance(1_000);
    expect([peer.frames(), peer.closings, gone, heard]).toEqual([["=@1", "%B"], [], {}, [2]]);
    await peer.say('=@"a"');
    await clock.advance(10);
    expect([call, peer.closings, gone]).toEqual([{ value: "a" }, [restart], { value: "done" }]);
  });

  test.each([
    ["10 s", undefined, 10_000],
    ["as long as it is told", { within: 300 }, 300],
    ["no time at all", { within: 0 }, 0],
  ])("waits for %s at most: then calls fail with lost", async (_, options, within) => {
    const { app, join, clock, host, handles, signals } = setUp();
    const { peer } = await join();
    await peer.say("?@@1");
    const call = watch(host.call(handles[0]!, "q"));
    const gone = watch(app.drain(options));
    if (within > 0) {
      await clock.advance(within - 1);
      expect([call, signals[0]!.aborted, peer.closings, gone]).toEqual([{}, false, [], {}]);
      await clock.advance(1);
    }
    await clock.advance(0);
    expect([call, signals[0]!.aborted, peer.closings]).toEqual([{ error: lost }, true, [restart]]);
    expect([gone, clock.timers]).toEqual([{ value: "done" }, 0]);
  });

  test("ends at once what waits for a socket, which nobody is going to give it", async () => {
    const { app, join, clock, heard } = setUp();
    await lose(await join());
    const gone = watch(app.drain());
    await clock.settle();
    expect([heard, gone, clock.timers]).toEqual([["reset", "disconnect", "close"], { value: "done" }, 0]);
  });

  test("does not wait any more for one that loses its socket meanwhile, or leaves", async () => {
    const { app, join, clock, heard } = setUp();
    const [lostOne, left] = [await join(), await join()];
    await lostOne.peer.say("?@@1");
    await left.peer.say("?@@1");
    const gone = watch(app.drain());
    await clock.advance(1_000);
    await lose(lostOne);
    expect([heard, gone]).toEqual([["reset", "disconnect"], {}]);
    await lose(left, 1000);
    expect([heard, gone, clock.timers]).toEqual([["reset", "disconnect", "disconnect", "close"], { value: "done" }, 0]);
  });

  test("sends away who was let in before it began", async () => {
    const { app, join, clock } = setUp();
    const admission = await admit(app, { protocols: "prism.1" });
    await (await join()).peer.say("?@@1");
    const gone = watch(app.drain());
    await clock.advance(500);
    const peer = new RawPeer(clock);
    admission.open(peer.far);
    const late = await readVisit(peer);
    await clock.advance(500);
    expect([late.peer.frames(), late.peer.closings, gone]).toEqual([[draining], [restart], {}]);
    await clock.advance(10_000);
    expect([gone, clock.timers]).toEqual([{ value: "done" }, 0]);
  });

  test("closes who has no verdict yet, and who has not said hello", async () => {
    const { app, join, clock } = setUp({ authenticate: () => new Promise(() => {}) });
    const [unknown, silent] = [await join(), new RawPeer(clock)];
    (await admit(app)).open(silent.far);
    await app.drain();
    await clock.settle();
    expect([unknown.peer.closings, silent.closings]).toMatchObject([[{ code: 1001 }], [{ code: 1001 }]]);
    expect(clock.timers).toBe(0);
  });

  test("twice is once: both are done when it is", async () => {
    const { app, join, clock, heard } = setUp();
    const { peer } = await join();
    await peer.say("?@@1");
    const both = [watch(app.drain()), watch(app.drain({ within: 1 }))];
    await clock.advance(9_999);
    expect([both, peer.frames().filter((frame) => frame === draining)]).toEqual([[{}, {}], [draining]]);
    await clock.advance(1);
    expect(both).toEqual([{ value: "done" }, { value: "done" }]);
    await app.drain();
    expect(heard).toEqual(["disconnect", "close"]);
  });

  test("is cut short by close(): all end with 1001", async () => {
    const { app, join, clock, heard } = setUp();
    const { peer } = await join();
    await peer.say("?@@1");
    const gone = watch(app.drain());
    await clock.advance(1_000);
    await app.close();
    await clock.settle();
    expect([peer.closings, gone, heard]).toEqual([
      [{ code: 1001, reason: "Closing" }],
      { value: "done" },
      ["disconnect", "close"],
    ]);
    expect(clock.timers).toBe(0);
  });

  test("of an app that nobody is at closes it", async () => {
    const { app, clock } = createHearing();
    await app.drain();
    expect([((await ask(app)) as Response).status, clock.timers]).toEqual([503, 0]);
  });
});
