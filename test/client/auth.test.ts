import { describe, expect, test } from "vitest";
import { PrismError, type ClientOptions } from "../../src/client/connect.ts";
import { expectNoUnhandledRejections, watch } from "../service/joined.ts";
import { createStage, welcome, type ServerEnd, type Stage } from "./scripted.ts";

expectNoUnhandledRejections();

const error = (code: string): unknown => expect.objectContaining({ name: "PrismError", code });
const wanted = welcome({ auth: true });
const accepted = '${"auth":true}';
const token = (value: string): string => `$${JSON.stringify({ auth: value })}`;

interface Gate {
  readonly auth: () => Promise<string>;
  /** What answers each time that the client asked, in order. */
  readonly asked: { give(value: string): void; fail(error: unknown): void }[];
}

/** A function that answers when the test says so. */
function createGate(): Gate {
  const asked: Gate["asked"] = [];
  return { asked, auth: () => new Promise((give, fail) => void asked.push({ give, fail })) };
}

/** Counts what it gives: "token 1", "token 2", … */
function counting(): () => string {
  let asked = 0;
  return () => `token ${++asked}`;
}

function listen(stage: Stage): unknown[] {
  const failed: unknown[] = [];
  stage.client.connection.on("failed", (reason) => void failed.push(reason));
  return failed;
}

/** Lets a client with a token be accepted, and forgets what it said until then. */
async function opened(stage: Stage): Promise<ServerEnd> {
  const end = await stage.opened({ auth: true });
  end.say(accepted);
  await stage.clock.settle();
  expect(stage.client.connection.status).toBe("open");
  end.frames();
  stage.heard.length = 0;
  return end;
}

describe("the token", () => {
  test.each<[string, ClientOptions["auth"]]>([
    ["a string", "token 1"],
    ["a function", () => "token 1"],
    ["an asynchronous function", async () => "token 1"],
  ])("of %s comes right behind the answer to the welcome, each in a packet of its own", async (_, auth) => {
    const stage = createStage({ auth });
    const call = watch(stage.client.a.call("early"));
    await stage.clock.settle();
    const end = stage.end();
    expect(end.packets).toEqual([]);
    end.say(wanted);
    await stage.clock.settle();
    expect(end.packets).toEqual(["%@", token("token 1")]);
    expect(stage.client.connection.status).toBe("connecting");
    expect(stage.heard).toEqual([]);
    end.frames();
    end.say('${"auth":true,"expires":60000}');
    await stage.clock.settle();
    expect(stage.heard).toEqual(["status open", "open"]);
    expect(end.frames()).toEqual(['?A@"early"']);
    end.say("=@1");
    await stage.clock.settle();
    expect(call.value).toBe(1);
  });

  test("is asked for while the socket opens, and once", async () => {
    const gate = createGate();
    const stage = createStage({ auth: gate.auth, lazy: true });
    stage.answer = () => new Promise(() => {});
    await stage.clock.advance(1_000);
    expect(gate.asked).toHaveLength(0);
    stage.client.connection.open();
    await stage.clock.settle();
    expect(stage.attempts).toHaveLength(1);
    expect(gate.asked).toHaveLength(1);
  });

  test("may be there before the welcome, or long after it", async () => {
    for (const early of [true, false]) {
      const gate = createGate();
      const stage = createStage({ auth: gate.auth });
      await stage.clock.settle();
      if (early) gate.asked[0]!.give("slow");
      await stage.clock.advance(5_000);
      stage.end().say(wanted);
      await stage.clock.settle();
      expect(stage.end().frames()).toEqual(early ? ["%@", token("slow")] : ["%@"]);
      await stage.clock.advance(9_000);
      if (!early) {
        gate.asked[0]!.give("slow");
        await stage.clock.settle();
        expect(stage.end().frames()).toEqual([token("slow")]);
      }
      stage.end().say(accepted);
      await stage.clock.settle();
      expect(stage.client.connection.status).toBe("open");
      expect(gate.asked).toHaveLength(1);
    }
  });

  test("may hold anything", async () => {
    const auth = 'a"\x1e\x1b\ud800é';
    const stage = createStage({ auth });
    await stage.clock.settle();
    stage.end().say(wanted);
    await stage.clock.settle();
    const [, frame] = stage.end().frames();
    expect(JSON.parse(frame!.slice(1))).toEqual({ auth });
  });

  test("is never logged", async () => {
    const stage = createStage({ auth: () => "very secret" });
    const end = await opened(stage);
    end.say('${"expires":1}', "*");
    await stage.clock.advance(60_000);
    for (const late of stage.ends.slice(1)) late.socket.close(1011);
    stage.client.connection.close();
    await stage.clock.settle();
    expect(JSON.stringify([stage.logged, stage.heard])).not.toContain("secret");
  });

  test.each([undefined, null, 7, {}])("that is %j is one that failed", async (value) => {
    const stage = createStage({ auth: () => value as never });
    const failed = listen(stage);
    await stage.clock.settle();
    expect(failed).toEqual([expect.any(TypeError)]);
    expect(stage.client.connection.status).toBe("connecting");
    expect(stage.end().frames()).toEqual([]);
  });
});

describe("until the verdict", () => {
  test("calls and messages wait, and what the server sends arrives", async () => {
    const stage = createStage({ auth: "mine" });
    const { a, b } = stage.client;
    const messages: unknown[] = [];
    a.onmessage((body) => void messages.push([body, a.status]));
    b.oncall((body) => ({ body }));
    const end = await stage.opened({ auth: true });
    a.send("queued");
    const call = watch(a.call(1));
    end.say("A1", '?@@"ask"', "?AA1", "?DB1", "(");
    await stage.clock.settle();
    expect(messages).toEqual([[1, "connecting"]]);
    expect(end.frames()).toEqual([")", '=@{"body":"ask"}', '!A{"code":"not_found"}', '!B{"code":"not_found"}']);
    end.say(accepted, "A2");
    await stage.clock.settle();
    expect(messages).toEqual([
      [1, "connecting"],
      [2, "open"],
    ]);
    expect(end.frames()).toEqual(['A"queued"', "?A@1"]);
    expect(call).toEqual({});
  });

  test("services and listeners hear of no reset", async () => {
    const stage = createStage({ auth: "mine" });
    const resets: string[] = [];
    stage.client.a.onreset(() => void resets.push(stage.client.a.status));
    const first = await opened(stage);
    first.socket.close(1011);
    await stage.clock.advance(250);
    stage.heard.length = 0;
    stage.end().say(wanted);
    await stage.clock.settle();
    expect([...stage.heard, ...resets]).toEqual([]);
    expect(stage.client.connection.status).toBe("suspended");
    stage.end().say(accepted);
    await stage.clock.settle();
    expect(resets).toEqual(["open"]);
    expect(stage.heard).toEqual(["status open", "reset", "open"]);
  });

  test("a verdict before the token, or before the welcome, says nothing", async () => {
    const gate = createGate();
    const stage = createStage({ auth: gate.auth });
    await stage.clock.settle();
    stage.end().say(accepted, wanted, accepted);
    await stage.clock.settle();
    expect(stage.client.connection.status).toBe("connecting");
    gate.asked[0]!.give("late");
    await stage.clock.settle();
    stage.end().say('${"auth":false}', '${"auth":1}', '${"auth":"true"}');
    await stage.clock.settle();
    expect(stage.client.connection.status).toBe("connecting");
    stage.end().say(accepted, accepted);
    await stage.clock.settle();
    expect(stage.heard).toEqual(["status open", "open"]);
  });

  test("a verdict before the welcome says nothing, though the token is there", async () => {
    const stage = createStage({ auth: "mine" });
    await stage.clock.settle();
    stage.end().say(accepted);
    await stage.clock.settle();
    expect(stage.client.connection.status).toBe("connecting");
    expect(stage.heard).toEqual([]);
    await opened(stage);
  });

  test("the welcome of the next socket is waited for no longer than that of the first", async () => {
    const stage = createStage({ auth: "mine" });
    const first = await opened(stage);
    first.socket.close(1011);
    await stage.clock.advance(250);
    await stage.clock.advance(10_000);
    expect(stage.ends[1]!.closings).toEqual([{ code: 4003, reason: "No welcome" }]);
    expect(first.frames()).toEqual([]);
  });

  test("a server that is silent is given up, and another attempt asks again", async () => {
    const stage = createStage({ auth: counting() });
    const first = await stage.opened({ auth: true });
    await stage.clock.advance(9_999);
    expect(first.closings).toEqual([]);
    await stage.clock.advance(1);
    expect(first.closings).toEqual([{ code: 4003, reason: "No verdict" }]);
    expect(stage.client.connection.status).toBe("connecting");
    await stage.clock.advance(250);
    expect(stage.ends).toHaveLength(2);
    stage.end().say(wanted);
    await stage.clock.settle();
    expect(stage.end().frames()).toEqual(["%@", token("token 2")]);
    stage.end().say(accepted);
    await stage.clock.advance(20_000);
    expect(stage.client.connection.status).toBe("open");
    expect(stage.ends).toHaveLength(2);
  });

  test("a function that gives nothing is given up, and what it gives later is not sent", async () => {
    const gate = createGate();
    const stage = createStage({ auth: gate.auth });
    const first = await stage.opened({ auth: true });
    await stage.clock.advance(10_000);
    expect(first.closings).toEqual([{ code: 4003, reason: "No verdict" }]);
    await stage.clock.advance(250);
    const second = await stage.opened({ auth: true });
    gate.asked[0]!.give("stale");
    await stage.clock.settle();
    expect(second.frames()).toEqual([]);
    gate.asked[1]!.give("fresh");
    await stage.clock.settle();
    expect(second.frames()).toEqual([token("fresh")]);
  });

  test.each(["asked", "sent"])("a socket that is lost when the token was %s leads to another attempt", async (when) => {
    const gate = createGate();
    const stage = createStage({ auth: gate.auth });
    const queued = watch(stage.client.a.call("queued"));
    const first = await stage.opened({ auth: true });
    if (when === "sent") gate.asked[0]!.give("first");
    await stage.clock.settle();
    first.socket.close(1011);
    await stage.clock.advance(250);
    if (when === "asked") gate.asked[0]!.fail(new Error("stale"));
    await stage.clock.settle();
    expect(stage.heard).toEqual([]);
    expect(stage.logged).toEqual([]);
    expect(gate.asked).toHaveLength(2);
    gate.asked[1]!.give("second");
    const second = stage.end();
    second.say(wanted);
    await stage.clock.settle();
    expect(second.frames()).toEqual(["%@", token("second")]);
    second.say(accepted);
    await stage.clock.settle();
    expect(second.frames()).toEqual(['?A@"queued"']);
    expect(queued).toEqual({});
    expect(stage.ends).toHaveLength(2);
  });

  test("calls of the server's end with the socket, and may close the client", async () => {
    const stage = createStage({ auth: "mine" });
    stage.client.a.oncall((_, { signal }) => {
      signal.addEventListener("abort", () => stage.client.connection.close());
      return new Promise(() => {});
    });
    const end = await stage.opened({ auth: true });
    end.say("?A@1");
    await stage.clock.settle();
    end.socket.close(1011);
    await stage.clock.advance(60_000);
    expect(stage.heard).toEqual(["status closed", "closed 1000 (closed)"]);
    expect(stage.attempts).toHaveLength(1);
    expect(stage.clock.timers).toBe(0);
  });

  test("1008 closes the client, and open begins anew with another token", async () => {
    const stage = createStage({ auth: counting() });
    const reasons: unknown[] = [];
    stage.client.connection.on("closed", (reason) => void reasons.push(reason));
    const waiting = watch(stage.client.connection.opened);
    const call = watch(stage.client.a.call(1));
    const end = await stage.opened({ auth: true });
    end.socket.close(1008, "Token expired");
    await stage.clock.advance(60_000);
    expect(stage.heard).toEqual(["status closed", "closed 1008 (closed)"]);
    expect(reasons).toEqual([{ code: 1008, reason: "Token expired" }]);
    expect(waiting.error).toEqual(error("closed"));
    expect(call.error).toMatchObject({ code: "closed", message: "Token expired" });
    expect(stage.attempts).toHaveLength(1);
    expect(stage.clock.timers).toBe(0);
    stage.client.connection.open();
    await stage.clock.settle();
    stage.end().say(wanted);
    await stage.clock.settle();
    expect(stage.end().frames()).toEqual(["%@", token("token 2")]);
    stage.end().say(accepted);
    await stage.clock.settle();
    expect(stage.client.connection.status).toBe("open");
  });

  test.each(["before the welcome", "behind the welcome"])("the client may be closed %s", async (moment) => {
    for (const outcome of ["give", "fail"] as const) {
      const gate = createGate();
      const stage = createStage({ auth: gate.auth });
      const failed = listen(stage);
      if (moment === "behind the welcome") await stage.opened({ auth: true });
      await stage.clock.settle();
      stage.client.connection.close();
      gate.asked[0]![outcome]("late");
      await stage.clock.advance(60_000);
      expect(stage.heard).toEqual(["status closed", "closed 1000 (closed)"]);
      expect([...failed, ...stage.logged, ...stage.end().frames()]).toEqual([]);
      expect(stage.end().closings).toHaveLength(1);
      expect(stage.attempts).toHaveLength(1);
      expect(stage.clock.timers).toBe(0);
    }
  });
});

test("the function may close the client, and open it again", async () => {
  const stage = createStage({
    lazy: true,
    auth: () => {
      const { connection } = stage.client;
      connection.close();
      if (stage.attempts.length === 1) connection.open();
      return "late";
    },
  });
  stage.client.connection.open();
  await stage.clock.advance(60_000);
  expect(stage.attempts).toHaveLength(2);
  expect(stage.ends.map(({ closings }) => closings.length)).toEqual([1, 1]);
  expect(stage.client.connection.status).toBe("closed");
  expect(stage.clock.timers).toBe(0);
});

test("a log that closes the client on the welcome leaves it closed", async () => {
  const stage: Stage = createStage({ auth: "mine", log: () => stage.client.connection.close() });
  await stage.opened({ services: {} });
  expect(stage.client.connection.status).toBe("closed");
  expect(stage.clock.timers).toBe(0);
  expect(stage.end().frames()).toEqual([]);
});

describe("a function that fails", () => {
  const reason = new Error("no network");

  test.each<[string, () => string | Promise<string>]>([
    [
      "throws",
      () => {
        throw reason;
      },
    ],
    ["rejects", () => Promise.reject(reason)],
  ])("because it %s has the client try again, later and later", async (_, auth) => {
    const stage = createStage({ auth });
    const failed = listen(stage);
    await stage.clock.advance(2_000);
    expect(stage.attempts.map(({ at }) => at - stage.attempts[0]!.at)).toEqual([0, 250, 750, 1_750]);
    expect(stage.attempts.map(({ protocols }) => protocols)).toEqual(stage.attempts.map(() => ["prism.1"]));
    expect(failed).toEqual(stage.attempts.map(() => reason));
    expect(stage.logged[0]).toEqual({ message: "No token", data: reason });
    expect(stage.ends.map(({ closings }) => closings.length)).toEqual(stage.ends.map(() => 1));
    expect(stage.client.connection.status).toBe("connecting");
    expect(stage.heard).toEqual([]);
  });

  test.each(["before the socket", "before the welcome", "behind the welcome"])(
    "%s closes what there is",
    async (when) => {
      const gate = createGate();
      const stage = createStage({ auth: gate.auth, lazy: true });
      const failed = listen(stage);
      if (when === "before the socket") stage.answer = () => new Promise(() => {});
      stage.client.connection.open();
      await stage.clock.settle();
      if (when === "behind the welcome") await stage.opened({ auth: true });
      gate.asked[0]!.fail(reason);
      await stage.clock.settle();
      if (when === "before the socket") expect(stage.attempts[0]!.signal.aborted).toBe(true);
      else expect(stage.end().closings).toEqual([{ code: 4003, reason: "No token" }]);
      expect(failed).toEqual([reason]);
      stage.answer = () => stage.accept("prism.1");
      await stage.clock.advance(250);
      expect(stage.attempts).toHaveLength(2);
      gate.asked[1]!.give("second");
      const end = await stage.opened({ auth: true });
      end.say(accepted);
      await stage.clock.settle();
      expect(stage.client.connection.status).toBe("open");
    },
  );

  test("is heard once where the dial fails, too", async () => {
    const gate = createGate();
    const stage = createStage({ auth: gate.auth, lazy: true });
    const failed = listen(stage);
    stage.answer = () => Promise.reject(new Error("no route"));
    stage.client.connection.open();
    await stage.clock.settle();
    gate.asked[0]!.fail(reason);
    await stage.clock.advance(249);
    expect(failed).toEqual([new Error("no route")]);
    expect(stage.attempts).toHaveLength(1);
    await stage.clock.advance(1);
    expect(stage.attempts).toHaveLength(2);
  });

  test("with a PrismError closes the client, as a refusal does", async () => {
    let refuse = true;
    const stage = createStage({
      auth: () => {
        if (refuse) throw new PrismError("unauthorized", "Sign in first");
        return "mine";
      },
    });
    const reasons: unknown[] = [];
    const failed = listen(stage);
    stage.client.connection.on("closed", (why) => void reasons.push(why));
    const call = watch(stage.client.a.call(1));
    await stage.clock.advance(60_000);
    expect(stage.heard).toEqual(["status closed", "closed 1008 (closed)"]);
    expect(reasons).toEqual([{ code: 1008, reason: "Sign in first" }]);
    expect(call.error).toMatchObject({ code: "closed", message: "Sign in first" });
    expect(failed).toEqual([]);
    expect(stage.attempts).toHaveLength(1);
    expect(stage.clock.timers).toBe(0);
    refuse = false;
    stage.client.connection.open();
    await opened(stage);
  });

  test("while it is open closes the socket, and the client asks again for the next", async () => {
    const gate = createGate();
    const stage = createStage({ auth: gate.auth });
    const failed = listen(stage);
    await stage.clock.settle();
    gate.asked[0]!.give("first");
    const end = await opened(stage);
    const refreshed = watch(stage.client.connection.refreshAuth());
    await stage.clock.settle();
    gate.asked[1]!.fail(reason);
    await stage.clock.settle();
    expect(end.closings).toEqual([{ code: 4003, reason: "No token" }]);
    expect(stage.heard).toEqual(["status suspended", "suspended 4003 (suspended)"]);
    expect(failed).toEqual([reason]);
    expect(refreshed.error).toEqual(error("lost"));
    await stage.clock.advance(250);
    expect(gate.asked).toHaveLength(3);
  });

  test("is not said of a client that a listener has closed", async () => {
    const gate = createGate();
    const stage = createStage({ auth: gate.auth });
    const failed = listen(stage);
    await stage.clock.settle();
    gate.asked[0]!.give("first");
    await opened(stage);
    stage.client.connection.on("suspended", () => stage.client.connection.close());
    void stage.client.connection.refreshAuth().catch(() => {});
    await stage.clock.settle();
    gate.asked[1]!.fail(reason);
    await stage.clock.advance(60_000);
    expect(failed).toEqual([]);
    expect(stage.client.connection.status).toBe("closed");
    expect(stage.clock.timers).toBe(0);
  });
});

describe("a token that expires", () => {
  test("is replaced on the open socket", async () => {
    const stage = createStage({ auth: counting() });
    const end = await opened(stage);
    for (const expected of ["token 2", "token 3"]) {
      end.say('${"expires":5000}');
      await stage.clock.settle();
      expect(end.frames()).toEqual([token(expected)]);
      stage.client.a.send(1);
      end.say('${"auth":true,"expires":60000}', "A1");
      await stage.clock.settle();
      expect(end.frames()).toEqual(["A1"]);
      await stage.clock.advance(20_000);
    }
    expect(stage.heard).toEqual([]);
    expect(stage.attempts).toHaveLength(1);
  });

  test("has the server's silence counted, too", async () => {
    const stage = createStage({ auth: counting() });
    const end = await opened(stage);
    end.say('${"expires":5000}');
    await stage.clock.advance(10_000);
    expect(end.closings).toEqual([{ code: 4003, reason: "No verdict" }]);
    expect(stage.heard).toEqual(["status suspended", "suspended 4003 (suspended)"]);
  });

  test("is passed over where the server says it oddly; where there is no other, that is said", async () => {
    const stage = createStage({ auth: counting() });
    const end = await opened(stage);
    end.say('${"expires":"5000"}', '${"expires":null}', accepted, '${"auth":false,"expiry":1}');
    const guest = createStage();
    const other = await guest.opened();
    other.say('${"expires":5000}', accepted);
    await stage.clock.settle();
    await guest.clock.settle();
    expect([end.frames(), other.frames()]).toEqual([[], [`\${"auth":null}`]]);
    expect([stage, guest].map(({ client }) => client.connection.status)).toEqual(["open", "open"]);
  });

  test("before the verdict is not asked for twice", async () => {
    const gate = createGate();
    const stage = createStage({ auth: gate.auth });
    await stage.clock.settle();
    stage.end().say('${"expires":1}', wanted, '${"expires":1}');
    await stage.clock.settle();
    expect(gate.asked).toHaveLength(1);
    gate.asked[0]!.give("only");
    await stage.clock.settle();
    stage.end().say('${"expires":1}');
    await stage.clock.settle();
    expect(stage.end().frames()).toEqual(["%@", token("only")]);
    expect(gate.asked).toHaveLength(1);
  });

  test("as the socket is lost is not sent on the next", async () => {
    const gate = createGate();
    const stage = createStage({ auth: gate.auth });
    await stage.clock.settle();
    gate.asked[0]!.give("first");
    const first = await opened(stage);
    first.say('${"expires":1}');
    await stage.clock.settle();
    first.socket.close(1011);
    await stage.clock.settle();
    gate.asked[1]!.give("stale");
    await stage.clock.advance(250);
    expect(gate.asked).toHaveLength(3);
    stage.end().say(wanted);
    await stage.clock.settle();
    expect(stage.end().frames()).toEqual(["%@"]);
    gate.asked[2]!.give("fresh");
    await stage.clock.settle();
    expect(stage.end().frames()).toEqual([token("fresh")]);
    expect(first.frames()).toEqual([]);
  });
});

describe("refreshAuth", () => {
  test("shows the server another token, without a new socket", async () => {
    const stage = createStage({ auth: counting() });
    const end = await opened(stage);
    const refreshed = watch(stage.client.connection.refreshAuth());
    await stage.clock.settle();
    expect(end.frames()).toEqual([token("token 2")]);
    expect(refreshed).toEqual({});
    end.say(accepted);
    await stage.clock.settle();
    expect(refreshed).toEqual({ value: undefined });
    await stage.clock.advance(20_000);
    expect(stage.heard).toEqual([]);
    expect(stage.attempts).toHaveLength(1);
  });

  test("is shared by all who call it, and with what the server asked for", async () => {
    const gate = createGate();
    const stage = createStage({ auth: gate.auth });
    await stage.clock.settle();
    gate.asked[0]!.give("first");
    const end = await opened(stage);
    const { connection } = stage.client;
    end.say('${"expires":1}');
    await stage.clock.settle();
    const refreshed = [watch(connection.refreshAuth()), watch(connection.refreshAuth())];
    gate.asked[1]!.give("second");
    await stage.clock.settle();
    refreshed.push(watch(connection.refreshAuth()));
    await stage.clock.settle();
    expect(gate.asked).toHaveLength(2);
    expect(end.frames()).toEqual([token("second")]);
    expect(refreshed).toEqual([{}, {}, {}]);
    end.say(accepted);
    await stage.clock.settle();
    expect(refreshed).toEqual(refreshed.map(() => ({ value: undefined })));
    void connection.refreshAuth();
    await stage.clock.settle();
    expect(gate.asked).toHaveLength(3);
  });

  test.each([
    [1011, "lost"],
    [1008, "closed"],
    [1000, "closed"],
  ])("rejects when the socket goes with %d: %s", async (code, expected) => {
    const stage = createStage({ auth: counting() });
    const end = await opened(stage);
    const refreshed = watch(stage.client.connection.refreshAuth());
    await stage.clock.settle();
    end.socket.close(code, "why");
    await stage.clock.settle();
    expect(refreshed.error).toEqual(error(expected));
    expect(stage.client.connection.status).toBe(expected === "lost" ? "suspended" : "closed");
  });

  test("rejects when the client is closed", async () => {
    const stage = createStage({ auth: counting() });
    await opened(stage);
    const refreshed = watch(stage.client.connection.refreshAuth());
    stage.client.connection.close();
    await stage.clock.settle();
    expect(refreshed.error).toEqual(error("closed"));
    const late = watch(stage.client.connection.refreshAuth());
    const lazy = watch(createStage({ auth: "mine", lazy: true }).client.connection.refreshAuth());
    await stage.clock.settle();
    expect([late.error, lazy.error]).toEqual([error("closed"), error("closed")]);
    expect(stage.clock.timers).toBe(0);
  });

  test("rejects where there is no auth", async () => {
    const stage = createStage();
    const early = watch(stage.client.connection.refreshAuth());
    await stage.opened();
    const late = watch(stage.client.connection.refreshAuth());
    await stage.clock.settle();
    expect([early.error, late.error]).toEqual([expect.any(TypeError), expect.any(TypeError)]);
  });

  test("waits for the next opening where it is not open", async () => {
    const stage = createStage({ auth: counting() });
    const first = watch(stage.client.connection.refreshAuth());
    await stage.opened({ auth: true });
    expect(first).toEqual({});
    stage.end().say(accepted);
    await stage.clock.settle();
    expect(first).toEqual({ value: undefined });
    stage.end().socket.close(1011);
    await stage.clock.settle();
    const second = watch(stage.client.connection.refreshAuth());
    await stage.clock.advance(250);
    const end = stage.end();
    end.say(wanted);
    await stage.clock.settle();
    expect(second).toEqual({});
    expect(end.frames()).toEqual(["%@", token("token 2")]);
    end.say(accepted);
    await stage.clock.settle();
    expect(second).toEqual({ value: undefined });
  });

  test("may be called as the connection opens, or is lost", async () => {
    const stage = createStage({ auth: counting() });
    const refreshed: ReturnType<typeof watch>[] = [];
    const off = stage.client.connection.on("status", () =>
      refreshed.push(watch(stage.client.connection.refreshAuth())),
    );
    const end = await stage.opened({ auth: true });
    end.say(accepted);
    await stage.clock.settle();
    expect(end.frames()).toEqual([token("token 2")]);
    expect(refreshed).toEqual([{}]);
    end.socket.close(1011);
    await stage.clock.settle();
    expect(refreshed).toEqual([{ error: error("lost") }, {}]);
    off();
    await stage.clock.advance(250);
    await opened(stage);
    expect(refreshed[1]).toEqual({ value: undefined });
  });
});

test("a server that wants a token is told where there is none, and its verdict waited for", async () => {
  const stage = createStage();
  await stage.clock.settle();
  stage.end().say(wanted);
  await stage.clock.settle();
  expect(stage.heard).toEqual([]);
  expect(stage.end().frames()).toEqual(["%@", '${"auth":null}']);
  stage.end().say(accepted);
  await stage.clock.settle();
  expect(stage.heard).toEqual(["status open", "open"]);
  // Once is enough.
  stage.end().say(accepted);
  await stage.clock.settle();
  expect(stage.heard).toHaveLength(2);
});

test("a refusal says why, to whoever waits and to whoever comes too late", async () => {
  const stage = createStage();
  const { opened } = stage.client.connection;
  await stage.clock.settle();
  stage.end().say(wanted);
  await stage.clock.settle();
  stage.end().socket.close(1008, "Not a token of ours");
  await stage.clock.settle();
  expect(stage.heard).toEqual(["status closed", "closed 1008 (closed)"]);
  await expect(opened).rejects.toMatchObject({ code: "closed", message: "Not a token of ours" });
});

test("a verdict that a client without a token waits for in vain", async () => {
  const stage = createStage();
  await stage.clock.settle();
  stage.end().say(wanted);
  const end = stage.end();
  await stage.clock.advance(10_000);
  expect(end.closings).toEqual([{ code: 4003, reason: "No verdict" }]);
  expect(stage.heard).toEqual([]);
});
