import { afterEach, describe, expect, test, vi } from "vitest";
import { connect } from "../../src/client/connect.ts";
import { connect as connectOnNode } from "../../src/client/node.ts";
import { webSocketDial } from "../../src/client/dial.ts";
import { expectNoUnhandledRejections, watch } from "../service/joined.ts";
import { createStage } from "./scripted.ts";

expectNoUnhandledRejections();

/** A WebSocket as browsers have it, as far as opening one goes. */
class FakeWebSocket {
  static made: FakeWebSocket[] = [];
  readonly args: unknown[];
  binaryType = "blob";
  bufferedAmount = 0;
  protocol = "prism.1";
  readyState = 0;
  onopen: unknown = null;
  onclose: unknown = null;
  onerror: unknown = null;
  onmessage: unknown = null;
  readonly closes: unknown[] = [];

  constructor(...args: unknown[]) {
    if (args[0] === "ws://bad") throw new SyntaxError("Bad URL");
    this.args = args;
    FakeWebSocket.made.push(this);
  }

  send(): void {}

  close(code?: number): void {
    this.closes.push(code);
    this.readyState = 3;
  }

  emit(type: "open" | "message" | "close" | "error", event: object = {}): void {
    if (type === "open") this.readyState = 1;
    (this[`on${type}`] as ((event: object) => void) | null)?.(event);
  }
}

afterEach(() => {
  FakeWebSocket.made = [];
  vi.unstubAllGlobals();
});

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe("webSocketDial", () => {
  const dial = webSocketDial(FakeWebSocket);
  const { signal } = new AbortController();

  test("offers the protocols, or none at all", () => {
    void dial("ws://a", ["prism.1", "other"], signal);
    void dial("ws://a", [], signal);
    expect(FakeWebSocket.made.map(({ args }) => args)).toEqual([["ws://a", ["prism.1", "other"]], ["ws://a"]]);
  });

  test("hands the socket over when it is open", async () => {
    const outcome = watch(Promise.resolve(dial("ws://a", [], signal)));
    await turn();
    expect(outcome).toEqual({});
    FakeWebSocket.made[0]!.emit("open");
    await turn();
    expect(outcome.value).toMatchObject({ protocol: "prism.1", bufferedAmount: 0 });
  });

  test("keeps what comes before anybody listens, in order", async () => {
    const [ws, opening] = [() => FakeWebSocket.made[0]!, dial("ws://a", [], signal)];
    ws().emit("open");
    ws().emit("message", { data: "1" });
    ws().emit("message", { data: Uint8Array.of(2).buffer });
    const socket = await opening;
    ws().emit("message", { data: "3" });
    const heard: unknown[] = [];
    socket.onmessage = (data) => void heard.push(data);
    ws().emit("message", { data: "4" });
    expect(heard).toEqual([]);
    await turn();
    ws().emit("message", { data: "5" });
    expect(heard).toEqual(["1", Uint8Array.of(2), "3", "4", "5"]);
    socket.onmessage = (data) => void heard.push(["other", data]);
    ws().emit("message", { data: "6" });
    expect(heard.at(-1)).toEqual(["other", "6"]);
  });

  test.each(["error", "close"] as const)("fails at an %s before it is open", async (type) => {
    const outcome = watch(Promise.resolve(dial("ws://a", [], signal)));
    FakeWebSocket.made[0]!.emit(type);
    await turn();
    expect(outcome.error).toEqual(new Error("No socket to ws://a"));
  });

  test("fails where none can be made", async () => {
    const outcome = watch(Promise.resolve(dial("ws://bad", [], signal)));
    await turn();
    expect(outcome.error).toEqual(new SyntaxError("Bad URL"));
  });

  test("fails when it is no longer wanted, and closes", async () => {
    const controller = new AbortController();
    const outcome = watch(Promise.resolve(dial("ws://a", [], controller.signal)));
    controller.abort();
    await turn();
    expect(outcome.error).toEqual(new Error("No socket to ws://a"));
    expect(FakeWebSocket.made[0]!.closes).toHaveLength(1);
  });
});

describe("where nothing is said of the dial", () => {
  const services = {};

  test("the platform's WebSocket is taken", () => {
    vi.stubGlobal("WebSocket", FakeWebSocket);
    const clients = [connect("ws://a", { services }), connectOnNode("ws://b", { services, dial: undefined })];
    expect(FakeWebSocket.made.map(({ args }) => args[0])).toEqual(["ws://a/prism", "ws://b/prism"]);
    for (const client of clients) client.connection.close();
  });

  test("and the platform has no WebSocket, connect says so", () => {
    vi.stubGlobal("WebSocket", undefined);
    expect(() => connect("ws://a", { services })).toThrow(TypeError);
    expect(() => connect("ws://a", { services })).toThrow("no WebSocket here");
  });

  test("Node has one, also where it has none of its own", () => {
    vi.stubGlobal("WebSocket", undefined);
    connectOnNode("ws://a", { services, dial: undefined, lazy: true });
    const attempts: string[] = [];
    connectOnNode("ws://a", { services, dial: (url) => new Promise(() => attempts.push(url)) }).connection.close();
    expect(attempts).toEqual(["ws://a/prism"]);
  });
});

describe("the URL", () => {
  const dialled = (url: string | URL): string => {
    const stage = createStage({}, url as string);
    stage.client.connection.close();
    return stage.attempts[0]!.url;
  };

  test.each([
    ["ws://host", "ws://host/prism"],
    ["wss://host/", "wss://host/prism"],
    ["http://host", "ws://host/prism"],
    ["https://host:8443", "wss://host:8443/prism"],
    ["HTTP://Host", "ws://host/prism"],
    ["ws://host/live", "ws://host/live"],
    ["ws://host/a/b/", "ws://host/a/b/"],
    ["ws://host?room=1", "ws://host/prism?room=1"],
    ["ws://host/live?room=1#part", "ws://host/live?room=1"],
    ["ws://host#part", "ws://host/prism"],
    ["ws://me:secret@host", "ws://me:secret@host/prism"],
    ["https://host:443", "wss://host/prism"],
  ])("%s is %s", (given, url) => {
    expect(dialled(given)).toBe(url);
    expect(dialled(new URL(given))).toBe(url);
  });

  test.each([
    ["/live", "wss://page.example:8443/live"],
    ["", "wss://page.example:8443/app/index.html?x=1"],
    ["/", "wss://page.example:8443/prism"],
    ["live", "wss://page.example:8443/app/live"],
    ["//other.example", "wss://other.example/prism"],
    ["ws://host", "ws://host/prism"],
  ])("%j is %s on a page", (given, url) => {
    vi.stubGlobal("location", { href: "https://page.example:8443/app/index.html?x=1#y" });
    expect(dialled(given)).toBe(url);
  });

  test.each(["host", "", "/live", "http://", "localhost:3000", "ftp://host", "file:///a", "mailto:a@b"])(
    "%j is none, and that is said",
    (given) => {
      expect(() => createStage({}, given)).toThrow(TypeError);
    },
  );

  test("that is none is said", () => {
    expect(() => createStage({}, "localhost:3000")).toThrow("Not the URL of a server: localhost:3000");
  });
});
