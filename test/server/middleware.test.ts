import { describe, expect, test } from "vitest";
import { prism, PrismError, type Middleware } from "../../mod.ts";
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
    peer.socket.close(1001);
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
