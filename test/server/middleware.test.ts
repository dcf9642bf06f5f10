import { describe, expect, test } from "vitest";
import { prism, PrismError, type Inbound, type Middleware } from "../../mod.ts";
import { Answer } from "../../src/service/answer.ts";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { createOpen, createStage, join, type RawPeer, type Stage } from "./raw.ts";

expectNoUnhandledRejections();

/** An app with middleware and an echo; what reached the service is noted. */
async function setUp(...chain: Middleware[]): Promise<Stage & { peer: RawPeer; heard: unknown[]; errors: unknown[] }> {
  const stage = createStage();
  const heard: unknown[] = [];
  const errors: unknown[] = [];
  const { service } = createOpen((host) => {
    host.onmessage((body) => heard.push(body));
    host.oncall((body) => {
      heard.push(["call", body]);
      // `null` is answered later.
      return body === null ? later() : body;
    });
  });
  const app = prism(stage.options);
  for (const middleware of chain) app.use(middleware);
  app.service("it", service).events.on("error", (error) => void errors.push(error));
  return { ...stage, heard, errors, peer: await join(app, stage.clock) };
}

const later = async (): Promise<void> => {
  await Promise.resolve();
};
const dropped = '!@{"code":"cancelled","message":"Dropped by middleware"}';

describe("middleware", () => {
  test("sees each message and call, in order, and hands it on", async () => {
    const order: unknown[] = [];
    const pass: Middleware = (inbound, next) => {
      order.push(inbound.kind);
      const result = next(inbound);
      order.push("back");
      return result;
    };
    const { peer, heard } = await setUp(pass, (inbound, next) => {
      order.push([inbound.service, inbound.body, typeof inbound.connection.id, inbound.session.data]);
      return next(inbound);
    });
    expect(await peer.say("@1", "?@@2")).toEqual(["=@2"]);
    expect(order).toEqual(["message", ["it", "1", "string", {}], "back", "call", ["it", "2", "string", {}], "back"]);
    expect(heard).toEqual([1, ["call", 2]]);
  });

  test("leaves a handler its time", async () => {
    const { peer } = await setUp((inbound, next) => next(inbound));
    expect(await peer.say("?@@null")).toEqual(["=@"]);
  });

  test("may replace the body", async () => {
    const { peer, heard } = await setUp((inbound, next) => {
      inbound.body = `[${String(inbound.body)}]`;
      return next(inbound);
    });
    expect(await peer.say("@1", "?@@2")).toEqual(["=@[2]"]);
    expect(heard).toEqual([[1], ["call", [2]]]);
  });

  test("that does not hand on drops it, and a call fails", async () => {
    const { peer, heard, log } = await setUp(() => {});
    expect(await peer.say("@1", "?@@2")).toEqual([dropped]);
    expect(heard).toEqual([]);
    expect(log.filter(({ level }) => level === "warn" || level === "error")).toEqual([]);
  });

  test("that does not hand on later drops it later", async () => {
    const { peer, heard } = await setUp(later);
    expect(await peer.say("@1", "?@@2")).toEqual([dropped]);
    expect(heard).toEqual([]);
  });

  const refusal = new PrismError("unauthorized", "Sign in", { at: "/" });
  test.each<[string, Middleware]>([
    [
      "at once",
      () => {
        throw refusal;
      },
    ],
    ["later", () => later().then(() => Promise.reject(refusal))],
    ["behind another", (inbound, next) => later().then(() => next(inbound))],
  ])("that refuses %s says why", async (_, middleware) => {
    const { peer, heard, log, errors } = await setUp(middleware, () => {
      throw refusal;
    });
    expect(await peer.say("@1", "?@@2")).toEqual(['!@{"code":"unauthorized","message":"Sign in","data":{"at":"/"}}']);
    expect(heard).toEqual([]);
    expect(log.filter(({ level }) => level === "warn")).toMatchObject([
      { message: "Message dropped", service: "it", data: refusal },
    ]);
    expect(errors).toEqual([]);
  });

  const defect = new Error("a secret");
  test.each<[string, Middleware]>([
    [
      "at once",
      () => {
        throw defect;
      },
    ],
    ["later", () => later().then(() => Promise.reject(defect))],
  ])("that fails %s tells the app, and the client nothing", async (_, middleware) => {
    const { peer, log, errors } = await setUp(middleware);
    expect(await peer.say("@1", "?@@2")).toEqual(['!@{"code":"internal"}']);
    expect(errors).toEqual([defect, defect]);
    expect(log.filter(({ level }) => level === "error")).toMatchObject([
      { message: "Message dropped", service: "it", data: defect },
      { message: "A handler failed", service: "it", data: defect },
    ]);
  });

  test("that is synchronous hands on in the same turn", async () => {
    const { peer, heard, clock } = await setUp(
      (inbound, next) => next(inbound),
      (inbound, next) => next(inbound),
    );
    // By hand, without letting a promise go on.
    peer.far.onmessage("@1");
    expect(heard).toEqual([1]);
    peer.far.onmessage("?@@2");
    clock.turn();
    clock.turn();
    expect(peer.frames()).toEqual(["=@2"]);
  });

  test("may be late, and its answer with it", async () => {
    let open!: () => void;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const { peer, heard } = await setUp(async (inbound, next) => {
      await gate;
      return next(inbound);
    });
    expect(await peer.say("@1", "?@@2")).toEqual([]);
    open();
    expect(await peer.say()).toEqual(["=@2"]);
    expect(heard).toEqual([1, ["call", 2]]);
  });

  test("that is late finds nothing to do where the client has gone", async () => {
    let open!: () => void;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const { peer, heard, errors } = await setUp((inbound, next) => gate.then(() => next(inbound)));
    await peer.say("@1", "?@@2", "?@A3", "#A");
    peer.socket.close(1000);
    await peer.say();
    open();
    await peer.say();
    expect(heard).toEqual([]);
    expect(errors).toEqual([]);
  });

  test("that hands on twice delivers once", async () => {
    const { peer, heard, errors } = await setUp((inbound, next) => {
      next(inbound);
      return next(inbound);
    });
    expect(await peer.say("@1", "?@@2")).toEqual(["=@2"]);
    expect(heard).toEqual([1, ["call", 2]]);
    expect(errors).toEqual([new TypeError("Middleware calls next twice")]);
  });

  test("sees nothing of services that there are not", async () => {
    const seen: unknown[] = [];
    const { peer, log } = await setUp((inbound) => seen.push(inbound));
    expect(await peer.say("A1", "?A@1")).toEqual(['!@{"code":"not_found"}']);
    expect(seen).toEqual([]);
    expect(log.filter(({ level }) => level === "warn")).toMatchObject([{ message: "Message dropped", service: "1" }]);
  });

  test("that puts a body there that cannot be read fails the call", async () => {
    const { peer, heard } = await setUp((inbound, next) => {
      inbound.body = "{";
      return next(inbound);
    });
    expect(await peer.say("@1", "?@@2")).toEqual(['!@{"code":"bad_input","message":"Unreadable body"}']);
    expect(heard).toEqual([]);
  });

  test.each([
    ["at once", (inbound, next) => next(inbound)],
    ["later", (inbound, next) => later().then(() => next(inbound))],
  ] as [string, Middleware][])("hands invalid UTF-8 on %s, which closes the socket", async (_, middleware) => {
    const { peer } = await setUp(middleware);
    peer.socket.send(Uint8Array.of(2, 0x40, 0xff));
    await peer.say();
    expect(peer.closings).toEqual([{ code: 1007, reason: "Invalid UTF-8" }]);
  });
});

describe("middleware of one service", () => {
  /** An app of two services, `one` and `two`, that say in `order` what reached them. */
  async function setUpTwo(build: (app: ReturnType<typeof make>["app"], note: (name: string) => Middleware) => void) {
    const { app, stage, order } = make();
    const note =
      (name: string): Middleware =>
      (inbound, next) => {
        order.push(`${name} ${inbound.service} ${inbound.kind} ${String(inbound.body)}`);
        return next(inbound);
      };
    build(app, note);
    return { order, stage, peer: await join(app, stage.clock) };
  }

  function make() {
    const stage = createStage();
    const order: string[] = [];
    const listen = (name: string) =>
      createOpen((host) => {
        host.onmessage((body) => order.push(`${name} ${String(body)}`));
        host.oncall((body) => body);
      }).service;
    const app = prism(stage.options).service("one", listen("one")).service("two", listen("two"));
    return { app, stage, order };
  }

  test("runs for that service alone, behind the app's, in order, whenever each was added", async () => {
    const { peer, order } = await setUpTwo((app, note) =>
      app.use("two", note("own 1")).use(note("app 1")).use("two", note("own 2")).use(note("app 2")),
    );
    expect(await peer.say("@1", "A2", "?A@3")).toEqual(["=@3"]);
    const passed = (what: string, ...names: string[]): string[] => names.map((name) => `${name} ${what}`);
    expect(order).toEqual([
      ...passed("one message 1", "app 1", "app 2"),
      "one 1",
      ...passed("two message 2", "app 1", "app 2", "own 1", "own 2"),
      "two 2",
      ...passed("two call 3", "app 1", "app 2", "own 1", "own 2"),
    ]);
  });

  test("may refuse what another service takes", async () => {
    const { peer, order } = await setUpTwo((app) =>
      app.use("one", () => {
        throw new PrismError("unauthorized");
      }),
    );
    expect(await peer.say("?@@1", "?AA2", "@3", "A4")).toEqual(['!@{"code":"unauthorized"}', "=A2"]);
    expect(order).toEqual(["two 4"]);
  });
});

describe("what middleware is told", () => {
  test("is the time on the app's clock, and the app's bus", async () => {
    const times: number[] = [];
    const heard: unknown[] = [];
    const { peer, errors, clock } = await setUp((inbound, next) => {
      times.push(inbound.clock.now());
      inbound.events.emit("error", inbound.body);
      heard.push(inbound.events);
      return next(inbound);
    });
    const start = clock.now();
    await peer.say("@1");
    await clock.advance(7);
    await peer.say("@2");
    expect(times).toEqual([start, start + 7]);
    expect(errors).toEqual(["1", "2"]);
    expect(heard[0]).toBe(heard[1]);
  });
});

/** What a message was as middleware saw it. */
type Seen = readonly [connection: string, service: string, kind: string, body: string];
const look = ({ connection, service, kind, body }: Inbound): Seen => [connection.id, service, kind, String(body)];

describe("what middleware is given", () => {
  test("comes again in the same object to the same client, and to no other", async () => {
    const stage = createStage();
    const seen = new Map<string, Set<Inbound>>();
    const app = prism(stage.options).use((inbound, next) => {
      seen.set(inbound.connection.id, (seen.get(inbound.connection.id) ?? new Set()).add(inbound));
      return next(inbound);
    });
    app.service("it", createOpen((host) => host.oncall((body) => body)).service);
    const peers = [await join(app, stage.clock), await join(app, stage.clock)];
    for (let i = 0; i < 10; i++) for (const peer of peers) await peer.say(`@${i}`, `?@@${i}`);
    const [first, second] = [...seen.values()];
    expect([first!.size, second!.size]).toEqual([1, 1]);
    expect([...first!][0]).not.toBe([...second!][0]);
  });

  test("holds nothing of a message that is done", async () => {
    let kept!: Inbound;
    const { peer } = await setUp((inbound, next) => {
      kept = inbound;
      return next(inbound);
    });
    await peer.say('@"a secret"');
    expect(kept.body).toBe("");
    // The handler is still at it; what became of the call is none of the middleware's business.
    await peer.say("?@@null", '?@A"a secret"');
    expect(kept.body).toBe("");
    expect(Object.values(kept)).not.toContainEqual(expect.any(Answer));
  });

  test("is its own for as long as a promise of the chain waits, whatever comes meanwhile", async () => {
    const stage = createStage();
    const gates: (() => void)[] = [];
    const before: Seen[] = [];
    const after: Seen[] = [];
    const arrived: unknown[] = [];
    const app = prism(stage.options).use((inbound, next) => {
      const seen = look(inbound);
      if (!seen[3].includes("late")) return next(inbound);
      before.push(seen);
      return new Promise<void>((resolve) => gates.push(resolve)).then(() => {
        after.push(look(inbound));
        return next(inbound);
      });
    });
    const { service } = createOpen((host) => {
      host.onmessage((body, { connection }) => arrived.push([connection.id, body]));
      host.oncall((body, { connection }) => [connection.id, body]);
    });
    app.service("it", service);
    const peers = [await join(app, stage.clock), await join(app, stage.clock)];
    for (let i = 0; i < 8; i++) {
      for (const peer of peers) await peer.say(`@"at once ${i}"`, `@"late ${i}"`, `?@${"@ABCDEFG"[i]}"late call ${i}"`);
    }
    expect(arrived).toHaveLength(16);
    expect(gates).toHaveLength(32);
    // In another order than they came.
    for (const gate of gates.toReversed()) {
      gate();
      await stage.clock.settle();
    }
    expect(after).toEqual(before.toReversed());
    const ids = [...new Set(before.map(([id]) => id))];
    expect(ids).toHaveLength(2);
    expect(arrived.slice(16)).toEqual(
      before
        .filter(([, , kind]) => kind === "message")
        .toReversed()
        .map(([id, , , body]) => [id, JSON.parse(body)]),
    );
    for (const [at, peer] of peers.entries()) {
      const results = peer.frames().toSorted();
      expect(results).toEqual(Array.from({ length: 8 }, (_, i) => `=${"@ABCDEFG"[i]}["${ids[at]}","late call ${i}"]`));
    }
  });

  test("is another for what comes in the middle of it", async () => {
    const stage = createStage();
    const seen: Inbound[] = [];
    const bodies: string[] = [];
    const app = prism(stage.options).use((inbound, next) => {
      seen.push(inbound);
      const result = next(inbound);
      bodies.push(String(inbound.body));
      return result;
    });
    let again = (): void => {};
    const { service } = createOpen((host) => {
      host.onmessage((body) => {
        if (body === 1) again();
      });
      host.onmessage((body) => bodies.push(`heard ${String(body)}`));
    });
    const peer = await join(app.service("it", service), stage.clock);
    again = () => peer.far.onmessage("@2");
    await peer.say("@1");
    expect(bodies).toEqual(["heard 2", "2", "heard 1", "1"]);
    expect(seen[0]).not.toBe(seen[1]);
    await peer.say("@3");
    expect(seen[2]).toBe(seen[0]);
  });

  const puts: [string, (bringIn: () => void) => unknown][] = [
    ["and says nothing of it", (bringIn) => void later().then(bringIn)],
    [
      "and waits for something else",
      (bringIn) => {
        void later().then(later).then(bringIn);
        return later();
      },
    ],
  ];
  test.each(puts)("is dropped for good by one who only puts it off %s", async (_, putOff) => {
    const { peer, heard, errors } = await setUp((inbound, next) => {
      if (inbound.body === "1" || inbound.kind === "call") return putOff(() => void next(inbound));
      return next(inbound);
    });
    const late = new TypeError("Middleware calls next after it was done");
    expect(await peer.say("@1", "@2", "?@@3", "@4")).toEqual([dropped]);
    expect(heard).toEqual([2, 4]);
    expect(errors).toEqual([late, late]);
  });

  test("lets nobody who kept it bring in a later message early", async () => {
    let release!: () => void;
    const gate = new Promise<void>((resolve) => (release = resolve));
    let stray!: () => unknown;
    const { peer, heard, errors } = await setUp(
      (inbound, next) => {
        if (inbound.body !== "1") return next(inbound);
        stray = () => next(inbound);
        return undefined;
      },
      (inbound, next) => gate.then(() => next(inbound)),
    );
    await peer.say("@1", "@2");
    stray();
    await peer.say();
    expect(heard).toEqual([]);
    release();
    await peer.say();
    expect(heard).toEqual([2]);
    expect(errors).toEqual([new TypeError("Middleware calls next after it was done")]);
  });
});
