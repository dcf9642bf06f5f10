import { describe, expect, test } from "vitest";
import { fromWebSocket, type StandardWebSocket } from "../../src/socket/web-socket.ts";

/** A WebSocket as browsers have it, strict about codes. */
class FakeWebSocket implements StandardWebSocket {
  binaryType = "blob";
  bufferedAmount = 0;
  protocol = "prism.1";
  readyState = 1;
  onclose: unknown = null;
  onerror: unknown = null;
  onmessage: unknown = null;
  readonly sent: unknown[] = [];
  readonly closes: unknown[] = [];

  send(data: string | Uint8Array): void {
    this.sent.push(data);
  }

  close(code?: number, reason?: string): void {
    if (code !== undefined && code !== 1000 && (code < 3000 || code > 4999)) throw new Error("InvalidAccessError");
    if (reason !== undefined && reason.length > 123) throw new SyntaxError("Too long");
    this.readyState = 2;
    this.closes.push([code, reason]);
  }

  emit(type: "message" | "close", event: object): void {
    (this[`on${type}`] as ((event: object) => void) | null)?.(event);
  }
}

describe("fromWebSocket", () => {
  test("hands out text, and bytes as Uint8Array", () => {
    const ws = new FakeWebSocket();
    const socket = fromWebSocket(ws);
    const heard: unknown[] = [];
    socket.onmessage = (data) => heard.push(data);
    expect(ws.binaryType).toBe("arraybuffer");
    ws.emit("message", { data: "a" });
    ws.emit("message", { data: Uint8Array.of(1).buffer });
    expect(heard).toEqual(["a", Uint8Array.of(1)]);
    expect(socket.protocol).toBe("prism.1");
  });

  test("sends while open only, and reads what waits", () => {
    const ws = new FakeWebSocket();
    const socket = fromWebSocket(ws);
    socket.send("a");
    ws.bufferedAmount = 5;
    expect(socket.bufferedAmount).toBe(5);
    socket.close(4001);
    socket.send("b");
    expect(ws.sent).toEqual(["a"]);
  });

  test("hears nothing after its own close but the end", () => {
    const ws = new FakeWebSocket();
    const socket = fromWebSocket(ws);
    const heard: unknown[] = [];
    socket.onmessage = (data) => heard.push(data);
    socket.onclose = (code, reason) => heard.push([code, reason]);
    socket.close(1000, "bye");
    ws.emit("message", { data: "late" });
    ws.emit("close", { code: 1000, reason: "bye" });
    expect(heard).toEqual([[1000, "bye"]]);
  });

  test.each([
    [
      [1000, "done"],
      [1000, "done"],
    ],
    [
      [4003, ""],
      [4003, ""],
    ],
    [
      [undefined, undefined],
      [undefined, undefined],
    ],
    [
      [1002, "broken"],
      [4004, undefined],
    ],
    [
      [1009, ""],
      [4004, undefined],
    ],
    [
      [4001, "x".repeat(200)],
      [4004, undefined],
    ],
  ] as const)("closes with %j as %j", ([code, reason], sent) => {
    const ws = new FakeWebSocket();
    fromWebSocket(ws).close(code, reason);
    expect(ws.closes).toEqual([sent]);
  });

  test("takes a code of 0 for a lost connection, as Deno means it", () => {
    const ws = new FakeWebSocket();
    const socket = fromWebSocket(ws);
    let closed: unknown;
    socket.onclose = (code) => (closed = code);
    ws.emit("close", { code: 0, reason: "" });
    expect(closed).toBe(1006);
  });
});
