import { describe, expect, test } from "vitest";
import { expectNoUnhandledRejections, watch } from "../service/joined.ts";
import { createStage, resumed, welcome, type ServerEnd, type Stage } from "./scripted.ts";

expectNoUnhandledRejections();

const accepted = '${"auth":true}';
const token = (n: number): string => `$${JSON.stringify({ auth: `token ${n}` })}`;
const failure = (): Promise<never> => Promise.reject(new Error("no route"));

interface Judged extends Stage {
  readonly first: ServerEnd;
  /** How often the user was asked for a token. */
  readonly asked: () => number;
}

/** A client whose first token, "token 1", was accepted. */
async function judged(auth?: (n: number) => string | Promise<string>): Promise<Judged> {
  let asked = 0;
  const stage = createStage({ auth: () => (auth === undefined ? `token ${++asked}` : auth(++asked)) });
  const first = await stage.opened({ resume: "t1", auth: true });
  first.say(accepted);
  await stage.clock.settle();
  stage.heard.length = 0;
  return Object.assign(stage, { first, asked: () => asked });
}

/** Has it try a second socket beside the first. */
async function move({ first, clock, attempts }: Judged): Promise<void> {
  const { length } = attempts;
  first.say('${"draining":0}');
  await clock.advance(0);
  expect(attempts).toHaveLength(length + 1);
}

describe("a client with a token that resumes", () => {
  test("shows it right behind its count, and is suspended until the verdict", async () => {
    const stage = await judged();
    stage.client.a.send("lost");
    await stage.clock.settle();
    const second = await stage.next();
    const call = watch(stage.client.a.call("waits"));
    second.say(resumed({ auth: true }));
    await stage.clock.settle();
    expect(second.packets).toEqual(["%@", token(2), 'A"lost"']);
    expect(stage.heard).toEqual(["status suspended", "suspended 1006 (suspended)"]);
    second.say(accepted);
    await stage.clock.settle();
    expect(second.packets.slice(3)).toEqual(['?A@"waits"']);
    expect(stage.heard.slice(2)).toEqual(["status open", "resumed"]);
    expect(call).toEqual({});
  });

  test("keeps its connection where no verdict comes in time", async () => {
    const stage = await judged();
    const call = watch(stage.client.a.call("go"));
    await stage.clock.settle();
    const second = await stage.next();
    second.say(resumed({ auth: true }));
    await stage.clock.advance(10_000);
    expect(second.closings).toEqual([{ code: 4003, reason: "No verdict" }]);
    await stage.clock.advance(1_000);
    expect(stage.attempts.at(-1)!.protocols[1]).toBe("prism.resume.t2.0");
    expect(call).toEqual({});
  });

  test("resumes what was never judged, and is open for the first time then", async () => {
    const stage = createStage({ auth: "token 1" });
    await stage.opened({ resume: "t1", auth: true });
    const second = await stage.next();
    expect(stage.attempts[1]!.protocols[1]).toBe("prism.resume.t1.0");
    second.say(resumed({ auth: true }), accepted);
    await stage.clock.settle();
    second.say(accepted);
    await stage.clock.settle();
    expect(stage.heard).toEqual(["status open", "open"]);
  });

  test("stays open while it moves, and the new socket has a token of its own", async () => {
    const stage = await judged();
    const call = watch(stage.client.a.call("go"));
    await move(stage);
    const second = stage.end();
    second.say(resumed({ auth: true, received: 1 }));
    await stage.clock.settle();
    stage.client.a.send("more");
    await stage.clock.settle();
    expect(second.packets).toEqual(["%@", token(2), 'A"more"']);
    second.say(accepted, '=@"done"');
    await stage.clock.advance(20_000);
    expect([call, stage.heard, stage.client.connection.status]).toEqual([{ value: "done" }, [], "open"]);
    second.say('${"expires":5000}');
    await stage.clock.settle();
    expect(second.frames().at(-1)).toBe(token(3));
  });
});

describe("a second socket that comes to nothing", () => {
  test.each<[string, (stage: Judged) => Promise<void>]>([
    [
      "that does not open",
      async (stage) => {
        stage.answer = failure;
        await move(stage);
      },
    ],
    [
      "that is closed",
      async (stage) => {
        await move(stage);
        stage.end().socket.close(1006);
      },
    ],
    [
      "that cannot resume",
      async (stage) => {
        await move(stage);
        stage.end().say(welcome({ auth: true, resume: "u1" }));
      },
    ],
  ])("%s leaves the first with its verdict, and with the next token", async (_, tries) => {
    const stage = await judged();
    const { first } = stage;
    first.frames();
    await tries(stage);
    await stage.clock.settle();
    // The token that was asked for is shown on the first, which may have use for it.
    expect(first.frames()).toEqual([token(2)]);
    first.say(accepted);
    stage.answer = () => new Promise(() => {});
    await stage.clock.advance(9_000);
    // Though another attempt is under way by now.
    first.say('${"expires":5000}');
    await stage.clock.settle();
    expect(first.frames().at(-1)).toBe(token(3));
    first.say(accepted);
    await stage.clock.advance(9_000);
    expect([first.closings, stage.heard]).toEqual([[], []]);
  });

  test("for want of a token does not cost the first", async () => {
    const stage = await judged((n) => (n === 2 ? Promise.reject(new Error("no token")) : `token ${n}`));
    const failed: unknown[] = [];
    stage.client.connection.on("failed", (error) => void failed.push(error));
    stage.first.frames();
    stage.answer = () => new Promise(() => {});
    await move(stage);
    expect(failed).toEqual([new Error("no token")]);
    expect(stage.attempts[1]!.signal.aborted).toBe(true);
    // Another attempt follows, as the first is going to be closed.
    await stage.clock.advance(250);
    expect([stage.attempts.length, stage.asked()]).toEqual([3, 3]);
    await stage.clock.advance(9_000);
    expect([stage.first.closings, stage.heard]).toEqual([[], []]);
  });

  test("for want of a token, once it is open, does not either, and what the first wants it gets", async () => {
    let fail!: (error: Error) => void;
    const stage = await judged((n) => (n === 2 ? new Promise((_, no) => (fail = no)) : `token ${n}`));
    stage.first.frames();
    await move(stage);
    stage.first.say('${"expires":5000}');
    await stage.clock.settle();
    expect(stage.asked()).toBe(2);
    fail(new Error("no token"));
    await stage.clock.settle();
    expect(stage.end().closings).toEqual([{ code: 4003, reason: "No token" }]);
    expect(stage.first.frames()).toEqual([token(3)]);
    stage.first.say(accepted);
    await stage.clock.settle();
    expect(stage.client.connection.status).toBe("open");
  });

  test("has the first shown no token before its verdict of the one before", async () => {
    const stage = await judged();
    const { first, client } = stage;
    first.frames();
    const refreshed = watch(client.connection.refreshAuth());
    await stage.clock.settle();
    expect(first.frames()).toEqual([token(2)]);
    await move(stage);
    stage.end().socket.close(1006);
    await stage.clock.settle();
    expect([first.frames(), refreshed]).toEqual([[], {}]);
    first.say(accepted);
    await stage.clock.settle();
    expect([first.frames(), refreshed]).toEqual([[token(3)], { value: undefined }]);
    first.say(accepted);
    await stage.clock.advance(9_000);
    expect(first.closings).toEqual([]);
  });

  test("has no say in what waits for the first's verdict", async () => {
    const stage = await judged();
    const refreshed = watch(stage.client.connection.refreshAuth());
    await stage.clock.settle();
    await move(stage);
    stage.end().say(accepted);
    await stage.clock.settle();
    expect(refreshed).toEqual({});
  });

  test("has the first's verdict count that comes meanwhile", async () => {
    const stage = await judged();
    const { first, client } = stage;
    const refreshed = watch(client.connection.refreshAuth());
    await stage.clock.settle();
    stage.answer = () => new Promise(() => {});
    await move(stage);
    first.say(accepted);
    await stage.clock.settle();
    expect(refreshed).toEqual({ value: undefined });
    await stage.clock.advance(9_900);
    expect(first.closings).toEqual([]);
  });
});

test("a client without a token that the server wants one of hears its verdict beside another attempt", async () => {
  const stage = createStage();
  const first = await stage.opened({ resume: "t1", auth: true });
  expect(first.packets).toEqual(["%@", '${"auth":null}']);
  stage.answer = () => new Promise(() => {});
  first.say('${"draining":0}');
  await stage.clock.advance(0);
  expect(stage.attempts).toHaveLength(2);
  first.say(accepted);
  await stage.clock.settle();
  expect(stage.heard).toEqual(["status open", "open"]);
});

test("a client that its log closes while it is welcomed offers nothing when it is opened again", async () => {
  const stage = createStage({ log: () => stage.client.connection.close() });
  await stage.clock.settle();
  stage.end().say(welcome({ resume: "t1", services: {} }));
  await stage.clock.settle();
  expect(stage.client.connection.status).toBe("closed");
  stage.client.connection.open();
  await stage.clock.settle();
  expect(stage.attempts.map(({ protocols }) => protocols)).toEqual([["prism.1"], ["prism.1"]]);
  await stage.opened();
  expect(stage.client.connection.status).toBe("open");
});
