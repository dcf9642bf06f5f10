import { describe, expect, test } from "vitest";
import { prism, type LogEntry } from "../../mod.ts";
import { AppLog } from "../../src/server/log.ts";
import type { PrismOptions } from "../../src/server/options.ts";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { ask, createOpen, createStage, enter, join } from "./raw.ts";

expectNoUnhandledRejections();

function setUp(options: PrismOptions = {}) {
  const stage = createStage(options);
  const { service, host } = createOpen((given) => given.oncall((body) => body));
  const app = prism(stage.options).service("it", service);
  return { ...stage, app, host: host(), said: () => stage.log.map(({ level, message }) => `${level} ${message}`) };
}

/** The line of an entry with this data. */
function lineOf(data: unknown, message = "said"): string {
  const lines: string[] = [];
  new AppLog(
    (entry) => void lines.push(entry.toString()),
    () => 0,
  ).write("info", message, { data });
  return lines[0]!;
}

describe("the log", () => {
  test("has an entry for each frame that comes in", async () => {
    const { app, clock, log } = setUp();
    const peer = await join(app, clock, { remoteAddress: "192.0.2.1" });
    const { connection } = log[0]!;
    await peer.say("@12", '?@@"a"', "?GA", "#@", "(", '${"x":1}');
    peer.socket.send(Uint8Array.of(2, 0x40, 0x31));
    await peer.say();
    const frame = (kind: string, length: number, service?: string) => ({
      level: "debug",
      message: "Frame",
      time: clock.wall(),
      connection,
      service,
      data: { kind, length },
    });
    expect(log.slice(1)).toMatchObject([
      frame("%", 0),
      frame("message", 2, "it"),
      frame("?", 3, "it"),
      frame("?", 0),
      frame("#", 0),
      frame("(", 0),
      frame("$", 7),
      frame("message", 1, "it"),
    ]);
    expect(log.map(({ connection: own }) => own)).toEqual(Array.from({ length: 9 }, () => connection));
  });

  test("has one for each connection, and its end", async () => {
    const { app, clock, log } = setUp();
    const peer = await enter(app, clock, { remoteAddress: "192.0.2.1" });
    peer.socket.close(4999, "bye");
    await peer.say();
    const { connection } = log[0]!;
    expect(log).toMatchObject([
      { level: "info", message: "Connected", connection, data: "192.0.2.1" },
      { level: "info", message: "Suspended", connection, data: { code: 4999, reason: "bye" } },
    ]);
    // It never said anything, so that it is given up soon.
    await clock.advance(10_000);
    expect(log.slice(2)).toMatchObject([
      { level: "info", message: "Disconnected", connection, data: { code: 4999, reason: "bye" } },
    ]);
    const other = await enter(app, clock);
    other.socket.close(1000);
    await other.say();
    expect(log.slice(3).map(({ message }) => message)).toEqual(["Connected", "Disconnected"]);
  });

  test("has the hello, and who leaves before the welcome", async () => {
    const { app, clock, log, said } = setUp();
    const peer = await enter(app, clock, { protocols: undefined });
    await peer.say('${"hello":1}');
    expect(said()).toEqual(["debug Frame", "info Connected"]);
    const other = await enter(app, clock, { protocols: undefined, remoteAddress: "192.0.2.1" });
    other.socket.close(1001, "bye");
    await other.say();
    expect(log.at(-1)).toMatchObject({
      level: "info",
      message: "Left before the welcome",
      data: { code: 1001, reason: "bye", remoteAddress: "192.0.2.1" },
    });
  });

  test("has one for each refusal", async () => {
    const { app, said, log } = setUp({ admit: () => new Response(null, { status: 403 }) });
    await ask(app);
    await app.close();
    await ask(app);
    expect(said()).toEqual(["info Refused", "info Refused"]);
    expect(log.map(({ data }) => data)).toMatchObject([{ status: 403 }, { status: 503 }]);
  });

  test("has what services say, under their names", () => {
    const { host, log } = setUp();
    for (const level of ["debug", "info", "warn", "error"] as const) host.log[level](`to ${level}`, { level });
    expect(log).toMatchObject(
      ["debug", "info", "warn", "error"].map((level) => ({
        level,
        message: `to ${level}`,
        service: "it",
        data: { level },
      })),
    );
  });

  test("may throw, and nobody minds", async () => {
    const { app, clock } = setUp({
      log: () => {
        throw new Error("the log");
      },
    });
    app.events.on("connect", () => {
      throw new Error("why");
    });
    const peer = await join(app, clock);
    expect(await peer.say("?@@1")).toEqual(["=@1"]);
    await app.close();
    expect(peer.closings).toEqual([]);
  });
});

describe("an entry's line", () => {
  test("has all that there is to say", () => {
    const lines: string[] = [];
    const log = new AppLog(
      (entry: LogEntry) => void lines.push(String(entry)),
      () => Date.UTC(2025, 0, 2, 3, 4, 5),
    );
    log.write("info", "Connected", { connection: "c1", service: "it", data: { a: [1] } });
    log.forService("it").error("Failed");
    expect(lines).toEqual([
      '2025-01-02T03:04:05.000Z info  c1 it Connected {"a":[1]}',
      "2025-01-02T03:04:05.000Z error it Failed",
    ]);
  });

  test.each([
    ["a\nb", "a\\nb"],
    ["a\r\nb", "a\\u000d\\nb"],
    ["\x1b[31mred\x1b[0m", "\\u001b[31mred\\u001b[0m"],
    ["\u2028\u2029\u0085\x7f\0\t", "\\u2028\\u2029\\u0085\\u007f\\u0000\\u0009"],
    ["\u202egnp.exe\u2066\u200f", "\\u202egnp.exe\\u2066\\u200f"],
    ["ä🙂 \u200d", "ä🙂 \u200d"],
    ["a\\nb", "a\\nb"],
  ])("%j cannot forge another", (text, line) => {
    expect(lineOf(text)).toBe(`1970-01-01T00:00:00.000Z info  said ${line}`);
    expect(lineOf(undefined, text)).toBe(`1970-01-01T00:00:00.000Z info  ${line}`);
  });

  test("is cut where it is long", () => {
    const line = lineOf("x".repeat(10_000));
    expect(line).toHaveLength(501);
    expect(line.endsWith("xx…")).toBe(true);
    expect(lineOf("\n".repeat(10_000)).length).toBeLessThan(1_100);
  });

  const circular: Record<string, unknown> = {};
  circular["own"] = circular;
  const bare = Object.assign(Object.create(null) as object, { circular });
  const stackless = Object.assign(new Error("why"), { stack: undefined });
  const hostile = {
    get toJSON() {
      throw new Error("no");
    },
    toString: () => {
      throw new Error("no");
    },
  };
  test.each<[unknown, string]>([
    [null, "null"],
    [0, "0"],
    [false, "false"],
    ["", ""],
    [7n, "7"],
    [Symbol("a"), "Symbol(a)"],
    [circular, "[object Object]"],
    [bare, "[object Object]"],
    [hostile, "[object Object]"],
    [stackless, "Error: why"],
    [Object.assign(new Error("a"), { stack: 7 }), "7"],
  ])("shows any data: %#", (data, text) => {
    expect(lineOf(data)).toBe(`1970-01-01T00:00:00.000Z info  said ${text}`);
  });

  test("shows an error with its stack", () => {
    expect(lineOf(new TypeError("why"))).toMatch(/ said TypeError: why\\n +at /);
  });
});
