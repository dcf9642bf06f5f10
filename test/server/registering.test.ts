import { afterEach, describe, expect, test, vi } from "vitest";
import { defineService, prism, type Middleware } from "../../mod.ts";
import type { Limits } from "../../src/wire/limits.ts";
import { defaultLimits } from "../../src/wire/limits.ts";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { ask, createOpen, createStage, enter, join } from "./raw.ts";

expectNoUnhandledRejections();

const silent = defineService({ kind: "silent", client: () => ({}), server: () => ({ name: "api" }) });

describe("a service", () => {
  test("gives its API to the app, and to services that are made of it", () => {
    const seen: unknown[] = [];
    const app = prism()
      .service("first", silent)
      .service("second", ({ services }) => {
        seen.push({ ...services });
        return defineService({ kind: "x", client: () => ({}), server: () => services.first.name.toUpperCase() });
      });
    expect(app.services).toEqual({ first: { name: "api" }, second: "API" });
    expect(seen).toEqual([{ first: { name: "api" } }]);
  });

  test("has its server half run once, as it is registered", async () => {
    const { clock, options } = createStage();
    let runs = 0;
    const counting = defineService({ kind: "x", client: () => ({}), server: () => ++runs });
    const app = prism(options).service("counting", counting);
    expect(runs).toBe(1);
    await app.buildClient();
    await join(app, clock);
    await join(app, clock);
    expect(runs).toBe(1);
    expect(app.services.counting).toBe(1);
  });

  test("cannot have the name of another", () => {
    const app = prism().service("math", silent);
    let made = 0;
    const again = () => {
      made++;
      return silent;
    };
    expect(() => app.service("math", again)).toThrow(TypeError);
    expect(() => app.service("math", again)).toThrow('Service "math" is registered already');
    expect(made).toBe(0);
  });

  test("cannot come after the first connection", async () => {
    const { clock, options } = createStage();
    const app = prism(options).service("math", silent);
    await join(app, clock);
    expect(() => app.service("late", silent)).toThrow(TypeError);
    expect(() => app.service("late", silent)).toThrow('Service "late" comes after the first connection');
    expect(Object.keys(app.services)).toEqual(["math"]);
  });

  test("can come after a client that was refused", async () => {
    const app = prism({ admit: () => new Response(null, { status: 403 }) });
    expect(await ask(app)).toHaveProperty("status", 403);
    app.service("late", silent).use((inbound, next) => next(inbound));
  });

  const long = "x".repeat(65);
  test.each([
    "connection",
    "then",
    "toJSON",
    "prototype",
    "constructor",
    "__proto__",
    "hasOwnProperty",
    "toString",
    "valueOf",
    "__defineGetter__",
    "",
    " ",
    "a b",
    "a.b",
    "a:b",
    "a/b",
    "a\n",
    "\u0000",
    "ä",
    "\u2028",
    "🙂",
    "<script>",
    long,
  ])("cannot be named %j", (name) => {
    const app = prism();
    let runs = 0;
    const counting = defineService({ kind: "x", client: () => ({}), server: () => ++runs });
    const add = (): unknown => app.service(name, counting);
    expect(add).toThrow(TypeError);
    expect(add).toThrow(JSON.stringify(name));
    expect(runs).toBe(0);
    expect(Object.getPrototypeOf(app.services)).toBe(Object.prototype);
  });

  test.each(["a", "$", "_", "-", "0", "status", "open", "services", "x".repeat(64), "A-b_c$1"])(
    "can be named %j",
    (name) => {
      expect(prism().service(name, silent).services).toHaveProperty([name]);
    },
  );

  test("whose server half fails leaves the app as it was", async () => {
    const { clock, options } = createStage();
    const failing = defineService({
      kind: "x",
      client: () => ({}),
      server: (): object => {
        throw new Error("no database");
      },
    });
    const app = prism(options);
    expect(() => app.service("it", failing)).toThrow("no database");
    const peer = await join(app.service("it", silent), clock);
    expect(peer.closings).toEqual([]);
    expect(app.services).toEqual({ it: { name: "api" } });
  });

  test("whose file is another's does not get to work", () => {
    let runs = 0;
    const asset = (content: string) => ({ name: "a.css", type: "text/css", content });
    const styled = (content: string) =>
      defineService({ kind: "x", assets: [asset(content)], client: () => ({}), server: () => ++runs });
    const app = prism({ assets: [asset("a")] }).service("same", styled("a"));
    expect(() => app.service("other", styled("b"))).toThrow("Asset a.css is there already");
    expect(runs).toBe(1);
    expect(app.assets()).toEqual([asset("a")]);
  });

  test.each(["", "/a", "a/", "a//b", "..", "a/../b", ".", "a b", "a\\b", "a%2fb", "ä"])(
    "cannot bring a file named %j",
    (name) => {
      expect(() => prism({ assets: [{ name, type: "text/plain", content: "" }] })).toThrow(JSON.stringify(name));
    },
  );

  test("answers calls once", () => {
    const { service, host } = createOpen();
    prism().service("it", service);
    host().oncall(() => 1);
    expect(() => host().oncall(() => 2)).toThrow(TypeError);
    expect(() => host().oncall(() => 2)).toThrow("Service it answers calls already");
  });

  test("hears messages with as many listeners as it likes", async () => {
    const { clock, options } = createStage();
    const heard: unknown[] = [];
    const { service, host } = createOpen();
    const app = prism(options).service("it", service);
    const off = host().onmessage((body) => heard.push(["first", body]));
    host().onmessage((body) => heard.push(["second", body]));
    const peer = await join(app, clock);
    await peer.say("@1");
    off();
    await peer.say("@2");
    expect(heard).toEqual([
      ["first", 1],
      ["second", 1],
      ["second", 2],
    ]);
  });
});

describe("middleware", () => {
  test("cannot come after the first connection", async () => {
    const { clock, options } = createStage();
    const app = prism(options);
    await join(app, clock);
    expect(() => app.use((inbound, next) => next(inbound))).toThrow(
      new TypeError("Middleware comes after the first connection"),
    );
  });

  test("is a function", () => {
    const app = prism().service("it", createOpen().service);
    expect(() => app.use(7 as never)).toThrow(new TypeError("Middleware is not a function: 7"));
    expect(() => app.use("it", undefined as never)).toThrow(new TypeError("Middleware is not a function: undefined"));
  });

  test("of one service comes behind the service", () => {
    const app = prism();
    const pass: Middleware = (inbound, next) => next(inbound);
    const missing = new TypeError('Service "it" is not registered');
    expect(() => app.use("it" as never, pass)).toThrow(missing);
    expect(() => app.use("it" as never)).toThrow(missing);
    expect(() => app.use("toString" as never, pass)).toThrow('Service "toString" is not registered');
    const more = app.service("it", createOpen().service);
    expect(more.use("it", pass)).toBe(more);
  });

  test("of one service cannot come after the first connection", async () => {
    const { clock, options } = createStage();
    const app = prism(options).service("it", createOpen().service);
    await join(app, clock);
    expect(() => app.use("it", (inbound, next) => next(inbound))).toThrow(
      new TypeError("Middleware comes after the first connection"),
    );
  });
});

describe("limits", () => {
  const names = Object.keys(defaultLimits) as (keyof Limits)[];
  const most = (name: keyof Limits): number => (name === "frames" ? 1024 : 2 ** 31 - 1);
  const bad = [0, -1, 0.5, NaN, Infinity, -Infinity, 2 ** 31, "1", null] as const;

  const least = (name: keyof Limits): number => (name === "resumeWithin" || name === "replayLimit" ? 0 : 1);

  test.each(names)("%s is a whole number in its range", (name) => {
    for (const value of bad) {
      if (value === least(name) || (name === "timeout" && value === Infinity) || value === null) continue;
      const make = (): unknown => prism({ limits: { [name]: value } });
      expect(make, String(value)).toThrow(RangeError);
      expect(make, String(value)).toThrow(
        `Limit ${name} is not a whole number from ${least(name)} to ${most(name)}: ${value}`,
      );
    }
    for (const value of [least(name), 1, most(name)]) prism({ limits: { [name]: value } });
  });

  test("let nobody have more frames in a packet than the protocol", () => {
    expect(() => prism({ limits: { frames: 1025 } })).toThrow(
      "Limit frames is not a whole number from 1 to 1024: 1025",
    );
  });

  test("may leave out, or be undefined, and are the defaults then", () => {
    const limits = { packet: undefined as never, sendLimit: 7 };
    expect(prism({ limits }).transport).toEqual({ packet: 131_072, sendLimit: 7, handshake: 10_000 });
    expect(prism().transport).toEqual({ packet: 131_072, sendLimit: 4_194_304, handshake: 10_000 });
  });

  test("may let calls take for ever", () => {
    prism({ limits: { timeout: Infinity } });
  });

  test("hold for each packet and call", async () => {
    const { clock, options } = createStage({ limits: { packet: 64, calls: 2 } });
    const { service } = createOpen((host) => host.oncall(() => new Promise(() => {})));
    const app = prism(options).service("it", service);
    const peer = await join(app, clock);
    expect(await peer.say("?@@1", "?@A2", "?@B3")).toEqual(['!B{"code":"busy"}']);
    peer.socket.send("@".padEnd(65, "x"));
    await peer.say();
    expect(peer.closings).toEqual([{ code: 1009, reason: "Packet over the limit" }]);
  });

  test("hold for the frames of a packet, and the welcome says so", async () => {
    const { clock, options } = createStage({ limits: { frames: 3 } });
    const { service } = createOpen((host) => host.oncall((body) => body));
    const app = prism(options).service("it", service);
    const peer = await enter(app, clock);
    const [welcome] = await peer.say("%@");
    expect(JSON.parse(welcome!.slice(1))).toMatchObject({ welcome: 1, frames: 3 });
    expect(await peer.say("?@@1", "?@A2", "?@B3")).toEqual(["=@1", "=A2", "=B3"]);
    expect(peer.closings).toEqual([]);
    expect(await peer.say("?@@1", "?@A2", "?@B3", "?@C4")).toEqual(["=@1", "=A2", "=B3"]);
    expect(peer.closings).toEqual([{ code: 1002, reason: "Too many frames in a packet" }]);
  });

  test("of frames are not spoken of where they are the protocol's", async () => {
    const { clock, options } = createStage();
    const peer = await enter(prism(options), clock);
    const [welcome] = await peer.say("%@");
    expect(JSON.parse(welcome!.slice(1))).not.toHaveProperty("frames");
  });

  test("hold for calls that stream, and tell the log and the caller", async () => {
    const { clock, options, log } = createStage({ limits: { streams: 2 } });
    const { service } = createOpen((host) =>
      host.oncall(async function* () {
        for (;;) yield 1;
      }),
    );
    const app = prism(options).service("it", service);
    const [peer, other] = [await join(app, clock), await join(app, clock)];
    const failed = '!B{"code":"busy"}';
    expect((await peer.say("?@@", "?@A", "?@B")).filter((frame) => !frame.startsWith("<"))).toEqual([failed]);
    expect(log).toContainEqual(
      expect.objectContaining({ message: "Call failed", data: { code: "busy", message: "busy" } }),
    );
    // Each peer has its own.
    expect((await other.say("?@@", "?@A")).every((frame) => frame.startsWith("<"))).toBe(true);
    await peer.say("#@");
    expect((await peer.say("?@@")).every((frame) => frame.startsWith("<@"))).toBe(true);
  });
});

describe("the prefix", () => {
  test.each([
    "/",
    "",
    "prism",
    "/prism/",
    "//prism",
    "/a//b",
    "/a b",
    "/ä",
    "/%41",
    "/:a",
    "/*",
    "/a?b",
    "/..",
    "/a/../b",
    "/.",
  ])("cannot be %j", (prefix) => {
    expect(() => prism({ prefix })).toThrow(TypeError);
    expect(() => prism({ prefix })).toThrow(JSON.stringify(prefix));
  });

  test.each(["/live", "/a/b/c", "/a.b", "/...", "/v1~2-3_4"])("may be %j", (prefix) => {
    const app = prism({ prefix });
    const upgrade = (path: string, headers: Record<string, string> = { upgrade: "WebSocket" }): boolean =>
      app.isUpgrade(new Request(`http://host${path}`, { headers }));
    expect(upgrade(prefix)).toBe(true);
    expect(upgrade(`${prefix}?room=1`)).toBe(true);
    expect(upgrade(prefix, {})).toBe(false);
    expect(upgrade(prefix, { upgrade: "h2c" })).toBe(false);
    for (const other of [`${prefix}/`, `${prefix}x`, `/x${prefix}`, "/prism", "/"]) expect(upgrade(other)).toBe(false);
  });
});

describe("storage", () => {
  test("is each service's own corner of the app's", async () => {
    const { options } = createStage();
    const corners = ["a", "a-b", "A"].map((name) => ({ name, ...createOpen() }));
    const app = prism(options);
    for (const { name, service } of corners) app.service(name, service);
    const [a, ab, upper] = corners.map(({ host }) => host().storage);
    await a!.setItem("key", { n: 1 });
    await a!.setItem("deep:key", 2);
    await ab!.setItem("key", "other");
    expect(await a!.getItem("key")).toEqual({ n: 1 });
    expect(await upper!.getItem("key")).toBeNull();
    expect(await a!.hasItem("key")).toBe(true);
    expect((await a!.getKeys()).toSorted()).toEqual(["deep:key", "key"]);
    expect(await a!.getKeys("deep")).toEqual(["deep:key"]);
    await a!.clear("deep");
    expect(await a!.getKeys()).toEqual(["key"]);
    await a!.setItem("deep:key", 2);
    await a!.removeItem("key");
    expect(await a!.hasItem("key")).toBe(false);
    await a!.clear();
    expect(await a!.getKeys()).toEqual([]);
    expect(await ab!.getItem("key")).toBe("other");
  });

  test("is the one that is given", async () => {
    const { createStorage } = await import("unstorage");
    const storage = createStorage();
    const { service, host } = createOpen();
    prism({ storage }).service("notes", service);
    await host().storage.setItem("a/b", 1);
    expect(await storage.getKeys()).toEqual(["prism:notes:a:b"]);
    await storage.setItem("prism:notes:c", 2);
    expect(await host().storage.getItem("c")).toBe(2);
  });
});

describe("nothing is written", () => {
  afterEach(() => void vi.restoreAllMocks());

  test("where nobody asks for a log", async () => {
    const methods = ["log", "info", "warn", "error", "debug"] as const;
    const spies = methods.map((method) => vi.spyOn(console, method));
    const { clock } = createStage();
    const { service, host } = createOpen((given) => {
      given.oncall(() => {
        throw new Error("why");
      });
      given.log.error("failed");
    });
    const app = prism({ clock }).service("it", service);
    const peer = await join(app, clock);
    host().onmessage(() => {
      throw new Error("why");
    });
    expect(await peer.say("?@@1", "@1", "A1")).toEqual(['!@{"code":"internal"}']);
    await app.close();
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
  });
});
