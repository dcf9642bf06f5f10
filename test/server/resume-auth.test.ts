import { describe, expect, test } from "vitest";
import { PrismError } from "../../mod.ts";
import type { ConnectionHandle } from "../../src/service/contexts.ts";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { createHearing, lose } from "./returning.ts";

expectNoUnhandledRejections();

const auth = (token: string): string => `$${JSON.stringify({ auth: token })}`;
const good = '${"auth":true}';

interface Asked {
  readonly token: string | undefined;
  readonly connection: ConnectionHandle;
  accept(verdict?: object): Promise<void>;
  refuse(): Promise<void>;
}

/** An app whose test gives the verdicts. */
function setUp() {
  const asked: Asked[] = [];
  const hearing = createHearing(
    { handshake: 1_000, patience: 500 },
    {
      authenticate: (token, connection) =>
        new Promise((resolve, reject) => {
          asked.push({
            token,
            connection,
            accept: (verdict) => (resolve(verdict), hearing.clock.settle()),
            refuse: () => (reject(new PrismError("unauthorized", "Not you")), hearing.clock.settle()),
          });
        }),
    },
  );
  /** Opens one that has its verdict. */
  async function enter(verdict?: object) {
    const first = await hearing.join();
    await first.peer.say(auth("a"));
    await asked.at(-1)!.accept(verdict);
    first.peer.frames();
    return first;
  }
  return { ...hearing, asked, enter };
}

describe("a resumed socket", () => {
  test("waits for a verdict of its own: what its client sends waits, what it is sent does not", async () => {
    const { enter, again, asked, heard, host, handles } = setUp();
    const first = await enter();
    await first.peer.say("@1");
    host.broadcast("kept");
    await first.peer.say();
    await lose(first);
    const second = await again(first.token, 0);
    expect([second.welcome, second.frames]).toMatchObject([{ resumed: true, received: 1, auth: true }, ['@"kept"']]);
    // The replay is acknowledged all the same.
    expect(await second.peer.say("%A", auth("b"), "@2", "?@@3")).toEqual([]);
    expect(heard).toEqual(["connect", 1, "suspend", "resume"]);
    expect(asked.map(({ token, connection }) => [token, connection === handles[0]])).toEqual([
      ["a", true],
      ["b", true],
    ]);
    await asked[1]!.accept({ state: { b: true } });
    expect(second.peer.frames()).toEqual([good, "=@3"]);
    expect(heard).toEqual(["connect", 1, "suspend", "resume", 2]);
    expect(handles[0]!.state).toEqual({ b: true });
    expect(handles).toHaveLength(1);
  });

  test("counts what waits only when it is taken: a socket lost before the verdict loses nothing", async () => {
    const { enter, again, asked, heard } = setUp();
    const first = await enter();
    const second = await again(first.token, 0);
    await second.peer.say("%@", auth("b"), "@1");
    await lose(second);
    const third = await again(second.token, 0);
    expect(third.welcome.received).toBe(0);
    await third.peer.say("%@", auth("c"), "@1");
    await asked[2]!.accept();
    expect(heard.filter((one) => one === 1)).toEqual([1]);
  });

  test("whose client is refused ends its connection", async () => {
    const { enter, again, asked, heard } = setUp();
    const first = await enter();
    await lose(first);
    const second = await again(first.token, 0);
    await second.peer.say("%@", auth("b"), "@1");
    await asked[1]!.refuse();
    expect(second.peer.closings).toEqual([{ code: 1008, reason: "Not you" }]);
    expect(heard).toEqual(["connect", "suspend", "resume", "disconnect"]);
    expect((await again(second.token, 0)).welcome.resumed).toBe(false);
  });

  test("whose client sends no token in time ends its connection", async () => {
    const { enter, again, clock, heard } = setUp();
    const first = await enter();
    const second = await again(first.token, 0);
    await second.peer.say("%@", "@1");
    await clock.advance(1_499);
    expect(second.peer.closings).toEqual([]);
    await clock.advance(1);
    expect(second.peer.closings).toEqual([{ code: 1008, reason: "No token in time" }]);
    expect(heard).toEqual(["connect", "disconnect"]);
  });
});

describe("the verdict of an older socket", () => {
  test("opens nothing for the new one", async () => {
    const { enter, again, asked, heard, handles } = setUp();
    const first = await enter();
    await first.peer.say(auth("stale"));
    const second = await again(first.token, 0);
    await second.peer.say("%@", auth("b"), "@1");
    await asked[1]!.accept({ state: { stale: true }, expires: 1_000 });
    expect([second.peer.frames(), heard, handles[0]!.state]).toEqual([[], ["connect"], {}]);
    await asked[2]!.accept();
    expect([second.peer.frames(), heard]).toEqual([[good], ["connect", 1]]);
  });

  test("closes nothing of the new one", async () => {
    const { enter, again, asked, clock } = setUp();
    const first = await enter();
    await first.peer.say(auth("stale"));
    const second = await again(first.token, 0);
    await second.peer.say("%@", auth("b"));
    await asked[1]!.refuse();
    await asked[2]!.accept();
    await clock.advance(100_000);
    expect([second.peer.closings, second.peer.frames()]).toEqual([[], [good]]);
  });

  test("does not count while the connection waits for a socket", async () => {
    const { enter, again, asked, heard, handles } = setUp();
    const first = await enter();
    await first.peer.say(auth("stale"), "@1");
    await lose(first);
    await asked[1]!.accept({ state: { stale: true } });
    expect([heard, handles[0]!.state]).toEqual([["connect", "suspend"], {}]);
    const second = await again(first.token, 0);
    await second.peer.say("%@", auth("b"), "@1");
    await asked[2]!.accept();
    expect(heard).toEqual(["connect", "suspend", "resume", 1]);
  });

  test("that expires asks nobody for a fresh token, and closes nothing", async () => {
    const { enter, again, asked, clock } = setUp();
    const first = await enter({ expires: 10_000 });
    const second = await again(first.token, 0);
    await second.peer.say("%@", auth("b"));
    await asked[1]!.accept();
    await clock.advance(60_000);
    expect([second.peer.frames(), second.peer.closings]).toEqual([[good], []]);
  });

  test("that expires while nobody is there does not end the connection: the next socket has its own", async () => {
    const { enter, again, asked, clock, heard } = setUp();
    const first = await enter({ expires: 10_000 });
    await lose(first);
    await clock.advance(60_000);
    expect(heard).toEqual(["connect", "suspend"]);
    const second = await again(first.token, 0);
    await second.peer.say("%@", auth("b"));
    await asked[1]!.accept({ expires: 10_000 });
    await clock.advance(10_000);
    expect(second.peer.closings).toEqual([{ code: 1008, reason: "Token expired" }]);
    expect(heard).toEqual(["connect", "suspend", "resume", "disconnect"]);
  });
});

describe("before the first verdict", () => {
  test("a connection ends with its socket, and its token is good for nothing", async () => {
    const { join, again, asked, heard, clock } = setUp();
    const first = await join();
    await first.peer.say(auth("a"));
    const other = await again(first.token, 0);
    expect([other.welcome.resumed, first.peer.closings]).toEqual([false, []]);
    await lose(other);
    await lose(first);
    await asked[0]!.accept();
    expect([heard, clock.timers]).toEqual([[], 0]);
    expect((await again(first.token, 0)).welcome.resumed).toBe(false);
  });
});
