import { describe, expect, test } from "vitest";
import { defineService, prism, PrismError, type Middleware, type PrismOptions } from "../../mod.ts";
import type { StandardSchema } from "../../src/service/schema.ts";
import type { Limits } from "../../src/wire/limits.ts";
import { writeNumber } from "../../src/wire/numbers.ts";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { createOpen, createStage, join, type RawPeer } from "./raw.ts";

expectNoUnhandledRejections();

/** Work that ends when the test says so, and not before, whatever its caller wants. */
class Work {
  readonly #ends: ((error?: Error) => void)[] = [];
  /** How much was ever begun. */
  begun = 0;
  most = 0;

  begin(): Promise<void> {
    this.begun++;
    const done = new Promise<void>((resolve, reject) => {
      this.#ends.push((error) => (error === undefined ? resolve() : reject(error)));
    });
    this.most = Math.max(this.most, this.#ends.length);
    return done;
  }

  /** Ends the oldest. */
  end(count: number, error?: Error): void {
    for (const end of this.#ends.splice(0, count)) end(error);
  }
}

interface Parts {
  readonly limits?: Partial<Limits>;
  readonly chain?: readonly Middleware[];
  readonly validate?: (value: unknown) => Promise<void> | undefined;
  readonly handler?: (body: unknown) => unknown;
}

async function setUp({ limits = {}, chain = [], validate, handler = (body) => body }: Parts) {
  const stage = createStage({ limits });
  const heard: unknown[] = [];
  const up: StandardSchema = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value) => validate?.(value)?.then(() => ({ value })) ?? { value },
    },
  };
  const service = defineService({
    kind: "x",
    ...(validate === undefined ? {} : { up }),
    client: () => ({}),
    server: (host) => {
      host.onmessage((body) => heard.push(body));
      host.oncall((body) => handler(body));
    },
  });
  const app = prism(stage.options);
  for (const middleware of chain) app.use(middleware);
  app.service("it", service).events.on("error", () => {});
  return { ...stage, heard, peer: await join(app, stage.clock) };
}

const pairs = (count: number, body = "1"): string[] => Array.from({ length: count }, () => [`?@@${body}`, "#@"]).flat();

/** Resets so many calls at once, and counts those that were cancelled and those that were refused. */
async function reset(peer: RawPeer, count: number, body?: string): Promise<{ cancelled: number; busy: number }> {
  const frames = await peer.say(...pairs(count, body));
  const cancelled = frames.filter((frame) => frame === '!@{"code":"cancelled"}').length;
  const busy = frames.filter((frame) => frame === '!@{"code":"busy"}').length;
  expect([cancelled + busy, peer.closings], frames.join(" ")).toEqual([count, []]);
  return { cancelled, busy };
}

const calls = 8;

describe("calls that are cancelled as fast as they come", () => {
  const stages: [what: string, parts: (work: Work) => Parts][] = [
    ["handlers", (work) => ({ handler: (body) => (body === 1 ? work.begin() : body) })],
    [
      "middleware",
      (work) => ({
        chain: [(inbound, next) => (inbound.body === "1" ? work.begin().then(() => next(inbound)) : next(inbound))],
      }),
    ],
    ["schemas", (work) => ({ validate: (value) => (value === 1 ? work.begin() : undefined) })],
  ];

  test.each(stages)("keep no more %s at work than there may be calls", async (_, parts) => {
    const work = new Work();
    const { peer } = await setUp({ limits: { calls }, ...parts(work) });
    expect(await reset(peer, 100)).toEqual({ cancelled: calls, busy: 100 - calls });
    expect(await reset(peer, 300)).toEqual({ cancelled: 0, busy: 300 });
    expect(await peer.say("?@@2")).toEqual(['!@{"code":"busy"}']);
    work.end(3);
    await peer.say();
    expect(await reset(peer, 50)).toEqual({ cancelled: 3, busy: 47 });
    work.end(2, new Error("late"));
    work.end(1, new PrismError("mine"));
    await peer.say();
    expect(await reset(peer, 50)).toEqual({ cancelled: 3, busy: 47 });
    expect([work.begun, work.most]).toEqual([calls + 6, calls]);
    work.end(calls);
    await peer.say();
    expect(await peer.say(...Array.from({ length: 20 }, () => "?@@2"))).toEqual(
      Array.from({ length: 20 }, () => "=@2"),
    );
    expect(await reset(peer, 20)).toEqual({ cancelled: calls, busy: 20 - calls });
    work.end(calls);
  });

  test("of one peer are nobody else's", async () => {
    const work = new Work();
    const stage = createStage({ limits: { calls } });
    const { service } = createOpen((host) => host.oncall((body) => (body === 1 ? work.begin() : body)));
    const app = prism(stage.options).service("it", service);
    const [one, other] = [await join(app, stage.clock), await join(app, stage.clock)];
    await reset(one, 50);
    expect(await one.say("?@@2")).toEqual(['!@{"code":"busy"}']);
    expect(await other.say("?@@2")).toEqual(["=@2"]);
    work.end(calls);
  });

  const late = async (): Promise<void> => {};
  const fail = (): never => {
    throw new PrismError("mine");
  };
  const echo: Parts["handler"] = (body) => body;
  const endings: [what: string, parts: Parts, body: string][] = [
    ["a result", {}, "2"],
    ["a late result", { handler: (body) => late().then(() => body) }, "2"],
    ["a failure", { handler: fail }, "2"],
    ["a late failure", { handler: () => late().then(fail) }, "2"],
    ["a result that cannot be written", { handler: () => 1n }, "2"],
    [
      "items",
      {
        handler: async function* () {
          yield 1;
          await late();
        },
      },
      "2",
    ],
    ["unreadable input", {}, "{"],
    ["unreadable input behind middleware", { chain: [(inbound, next) => next(inbound)] }, "{"],
    ["unreadable input behind late middleware", { chain: [(inbound, next) => late().then(() => next(inbound))] }, "{"],
    ["input that does not fit", { validate: fail }, "2"],
    ["input that does not fit, later", { validate: () => late().then(fail) }, "2"],
    ["middleware that drops it", { chain: [() => {}] }, "2"],
    ["middleware that drops it later", { chain: [late] }, "2"],
    ["middleware that refuses it", { chain: [fail] }, "2"],
    ["middleware that refuses it later", { chain: [() => late().then(fail)] }, "2"],
    ["middleware that fails behind it", { chain: [(inbound, next) => (next(inbound), fail())] }, "2"],
    ["middleware that fails late behind it", { chain: [(inbound, next) => (next(inbound), late().then(fail))] }, "2"],
    ["middleware that hands it on twice", { chain: [(inbound, next) => (next(inbound), next(inbound))] }, "2"],
    [
      "middleware that hands it on when it was done",
      { chain: [(inbound, next) => void late().then(() => next(inbound))] },
      "2",
    ],
  ];

  test.each(endings)("are counted exactly after %s", async (_, parts, body) => {
    const work = new Work();
    const { handler = echo, chain = [], validate } = parts;
    const { peer } = await setUp({
      limits: { calls },
      // What has the body 1 is nothing but work.
      chain: chain.map(
        (middleware): Middleware =>
          (inbound, next) =>
            inbound.body === "1" ? next(inbound) : middleware(inbound, next),
      ),
      ...(validate === undefined ? {} : { validate: (value) => (value === 1 ? undefined : validate(value)) }),
      handler: (value) => (value === 1 ? work.begin() : handler(value)),
    });
    for (let round = 0; round < 30; round++) await peer.say(`?@@${body}`);
    for (let round = 0; round < 30; round++) await peer.say(`?@@${body}`, "#@");
    peer.frames();
    const ids = Array.from({ length: calls + 1 }, (__, id) => writeNumber(id));
    await reset(peer, 20);
    expect([work.begun, work.most], "neither fewer nor more than before").toEqual([calls, calls]);
    work.end(calls);
    await peer.say();
    expect(await peer.say(...ids.map((id) => `?@${id}1`))).toEqual([`!${ids[calls]}{"code":"busy"}`]);
    work.end(calls);
    expect((await peer.say()).toSorted()).toEqual(ids.slice(0, calls).map((id) => `=${id}`));
  });

  test.each(["at once", "later"])(
    "whose middleware fails %s are at work for as long as their handlers",
    async (when) => {
      const work = new Work();
      const { peer } = await setUp({
        limits: { calls },
        chain: [
          (inbound, next) => {
            void next(inbound);
            if (when === "at once") throw new PrismError("mine");
            return Promise.reject(new PrismError("mine"));
          },
        ],
        handler: () => work.begin(),
      });
      for (let round = 0; round < 50; round++) await peer.say("?@@1");
      expect([work.begun, work.most]).toEqual([calls, calls]);
      work.end(calls);
      await peer.say();
      for (let round = 0; round < 50; round++) await peer.say("?@@1");
      expect([work.begun, work.most]).toEqual([2 * calls, calls]);
      work.end(calls);
    },
  );
});

/** What a message of one character costs that waits. */
const COST = 129;
const held = 10 * COST;

describe("messages that wait", () => {
  const stages: [where: string, parts: (work: Work) => Parts][] = [
    [
      "middleware",
      (work) => ({ chain: [(inbound, next) => work.begin().then(() => (inbound.body === "9" ? {} : next(inbound)))] }),
    ],
    ["a schema", (work) => ({ validate: () => work.begin() })],
  ];
  const ten = (): string[] => Array.from({ length: 10 }, (_, at) => `@${at % 9}`);
  const values = Array.from({ length: 10 }, (_, at) => at % 9);

  test.each(stages)("for %s are bounded: below that all of them arrive, beyond it is 1008", async (_, parts) => {
    const work = new Work();
    const { peer, heard } = await setUp({ limits: { held }, ...parts(work) });
    for (let round = 1; round <= 3; round++) {
      await peer.say(...ten());
      expect([work.begun, peer.closings, heard.length]).toEqual([10 * round, [], 10 * (round - 1)]);
      work.end(10);
      await peer.say();
      expect(heard.slice(-10)).toEqual(values);
    }
    // What fails is given back as well.
    await peer.say(...ten());
    work.end(5, new PrismError("mine"));
    work.end(5, new Error("a defect"));
    await peer.say();
    await peer.say(...ten());
    expect([peer.closings, heard.length, work.begun]).toEqual([[], 30, 50]);
    await peer.say("@1", "@2", "@3");
    expect(peer.closings).toEqual([{ code: 1008, reason: "Too much waits" }]);
    expect(work.begun, "none of these was let in").toBe(50);
    work.end(10);
    await peer.say();
    expect(heard.length, "nobody is there any more").toBe(30);
  });

  test.each(stages)("for %s leave no room for calls, which are busy", async (_, parts) => {
    const work = new Work();
    const { peer } = await setUp({ limits: { held }, ...parts(work) });
    await peer.say(...ten());
    expect(await peer.say("?@@1", "?@A1")).toEqual(['!@{"code":"busy"}', '!A{"code":"busy"}']);
    expect([work.begun, peer.closings]).toEqual([10, []]);
    work.end(1);
    await peer.say();
    expect(await peer.say("?@@1")).toEqual([]);
    work.end(10);
    expect(await peer.say()).toEqual(["=@1"]);
  });

  test("dropped by late middleware are given back", async () => {
    const work = new Work();
    const { peer, heard } = await setUp({ limits: { held }, chain: [() => work.begin()] });
    for (let round = 0; round < 3; round++) {
      await peer.say(...ten());
      work.end(10);
      await peer.say();
    }
    expect([peer.closings, heard, work.begun]).toEqual([[], [], 30]);
  });

  test("cost what they hold", async () => {
    const work = new Work();
    const { peer } = await setUp({ limits: { held: 10_000 }, chain: [() => work.begin()] });
    const long = `@"${"x".repeat(4_000)}"`;
    await peer.say(long, long);
    expect([work.begun, peer.closings]).toEqual([2, []]);
    await peer.say(long);
    expect([work.begun, peer.closings]).toEqual([2, [{ code: 1008, reason: "Too much waits" }]]);
    work.end(2);
    await peer.say();
  });

  test("are bounded with calls that wait beside them", async () => {
    const work = new Work();
    const { peer, heard } = await setUp({
      limits: { held },
      chain: [(inbound, next) => work.begin().then(() => next(inbound))],
    });
    const ids = Array.from({ length: 11 }, (_, id) => writeNumber(id));
    for (let round = 0; round < 3; round++) {
      expect(await peer.say(...ids.map((id) => `?@${id}1`))).toEqual([`!${ids[10]}{"code":"busy"}`]);
      // Whoever cancels them frees nothing: they are still held.
      if (round === 1) await peer.say(...ids.slice(0, 10).map((id) => `#${id}`));
      if (round === 1) expect(await peer.say("?@@1")).toEqual(['!@{"code":"busy"}']);
      work.end(10);
      await peer.say();
    }
    await peer.say(...ids.slice(0, 10).map((id) => `?@${id}1`), "@1");
    expect([peer.closings, heard]).toEqual([[{ code: 1008, reason: "Too much waits" }], []]);
    work.end(10);
    await peer.say();
  });
});

describe("a verdict that is none", () => {
  const none: [what: string, verdict: unknown][] = [
    ["null", null],
    ["false", false],
    ["true", true],
    ["0", 0],
    ["7", 7],
    ["a text", "yes"],
    ["a bigint for a time", { expires: 10n }],
    ["a symbol for a time", { expires: Symbol("soon") }],
  ];

  function serve(authenticate: (token: string | undefined) => unknown) {
    const stage = createStage({ authenticate } as unknown as PrismOptions);
    const heard: unknown[] = [];
    const { service } = createOpen((host) => {
      host.onconnect(() => heard.push("connect"));
      host.onmessage((body) => heard.push(body));
    });
    const app = prism(stage.options).service("it", service);
    return { ...stage, app, heard };
  }

  test.each(none)("%s, lets nobody in: 1008", async (_, verdict) => {
    for (const answer of [verdict, Promise.resolve(verdict)]) {
      const { app, clock, heard } = serve(() => answer);
      const peer = await join(app, clock);
      expect(await peer.say('${"auth":"t"}', "@1")).toEqual([]);
      expect(peer.closings).toEqual([{ code: 1008, reason: "Unauthorized" }]);
      expect([heard, app.stats().connections]).toEqual([[], 0]);
      await clock.advance(100_000);
      expect(clock.timers).toBe(0);
    }
  });

  test.each(none)("%s, lets nobody stay: 1008", async (_, verdict) => {
    const { app, clock, heard } = serve((token) => (token === "first" ? undefined : verdict));
    const peer = await join(app, clock);
    await peer.say('${"auth":"first"}', "@1");
    expect(heard).toEqual(["connect", 1]);
    expect(await peer.say('${"auth":"second"}', "@2")).toEqual([]);
    expect(peer.closings).toEqual([{ code: 1008, reason: "Unauthorized" }]);
    expect([heard, app.stats().connections]).toEqual([["connect", 1], 0]);
  });
});
