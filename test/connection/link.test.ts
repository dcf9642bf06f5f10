import { describe, expect, test } from "vitest";
import { Link } from "../../src/connection/link.ts";
import type { Socket } from "../../src/socket/socket.ts";
import { createBare, createEnds, End } from "./ends.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";

/** A socket whose state a test decides. */
class StubSocket implements Socket {
  bufferedAmount = 0;
  readonly sent: (string | Uint8Array)[] = [];
  readonly closes: [number | undefined, string | undefined][] = [];
  onmessage: Socket["onmessage"] = () => {};
  onclose: Socket["onclose"] = () => {};
  ondrain: Socket["ondrain"] = () => {};
  send(data: string | Uint8Array): void {
    this.sent.push(data);
  }
  close(code?: number, reason?: string): void {
    this.closes.push([code, reason]);
  }
}

function createStub(options = {}): { clock: FakeClock; end: End; socket: StubSocket; link: Link } {
  const clock = new FakeClock();
  const end = new End(clock, options);
  const socket = new StubSocket();
  return { clock, end, socket, link: end.open(socket) };
}

describe("closing", () => {
  test("first sends what is waiting", () => {
    const { end, socket, link } = createStub();
    end.connection.send("Alast");
    link.post("%@");
    link.close(1000, "Done");
    expect(socket.sent).toEqual(["%@", "Alast"]);
    expect(socket.closes).toEqual([[1000, "Done"]]);
    expect(end.closed).toEqual([{ code: 1000, reason: "Done" }]);
  });

  test("is told once, whatever the socket says afterwards", () => {
    const { end, socket, link } = createStub();
    link.close(1000, "Done");
    link.close(1001, "Again");
    socket.onclose(1006, "");
    socket.onmessage("Alate");
    expect(end.closed).toHaveLength(1);
    expect(socket.closes).toHaveLength(1);
    expect(end.heard).toEqual([]);
  });

  test("of the socket is told with its code", () => {
    const { end, socket } = createStub();
    socket.onclose(1006, "");
    socket.onclose(1000, "");
    expect(end.closed).toEqual([{ code: 1006, reason: "" }]);
    expect(socket.closes).toEqual([]);
  });

  test("lets nothing be sent any more", async () => {
    const { clock, end, socket, link } = createStub();
    link.close(1000, "");
    link.post("(");
    link.ping();
    end.connection.send("A");
    await clock.settle();
    expect(socket.sent).toEqual([]);
  });

  test("from within a frame passes over the rest of the packet", () => {
    const { end, socket, link } = createStub();
    end.take = () => link.close(1000, "");
    socket.onmessage("A1\x1e?@@\x1eA2");
    expect(end.heard).toEqual(["1 1"]);
    expect(end.connection.received).toBe(2);
  });
});

describe("a slow consumer", () => {
  test("is closed with 4002 when more waits in its socket than may", async () => {
    const { clock, end, socket } = createStub({ sendLimit: 1000 });
    socket.bufferedAmount = 1000;
    end.connection.send("Aone");
    await clock.settle();
    expect(socket.sent).toEqual(["Aone"]);
    socket.bufferedAmount = 1001;
    end.connection.send("Atwo");
    await clock.settle();
    expect(socket.sent).toEqual(["Aone"]);
    expect(socket.closes).toEqual([[4002, "Slow consumer"]]);
    expect(end.closed).toEqual([{ code: 4002, reason: "Slow consumer" }]);
    expect(end.connection.sent).toBe(1);
  });

  test("is sent nothing more where its closing is asked for", () => {
    const { end, socket, link } = createStub();
    end.connection.send("A");
    link.close(4002, "Slow consumer");
    expect(socket.sent).toEqual([]);
    expect(end.connection.sent).toBe(0);
  });

  test("is closed so as well where it is being closed otherwise", () => {
    const { end, socket, link } = createStub({ sendLimit: 1000 });
    socket.bufferedAmount = 2000;
    end.connection.send("A");
    link.close(1000, "");
    expect(socket.closes).toEqual([[4002, "Slow consumer"]]);
    expect(end.closed).toHaveLength(1);
  });
});

describe("pings", () => {
  test("in one packet are answered by one pong", async () => {
    const { say, clock, received } = createBare();
    expect(await say(Array(1000).fill("(").join("\x1e"))).toEqual([")"]);
    expect(await say("(")).toEqual([")"]);
    await clock.settle();
    expect(received).toEqual([")", ")"]);
  });

  test("are answered before the connection's frames", async () => {
    const { end, say } = createBare();
    end.take = (_, id) => end.connection.refuse(id, "x");
    expect(await say("?@@\x1e(\x1e(")).toEqual([")", '!@{"code":"x"}']);
  });

  test("in several packets of a turn are answered by one pong", async () => {
    const { clock, socket } = createStub();
    for (let i = 0; i < 5; i++) socket.onmessage("(");
    await clock.settle();
    expect(socket.sent).toEqual([")"]);
  });
});

describe("control frames", () => {
  test("are handed to the owner, from text and binary packets", async () => {
    const { end, say } = createBare();
    await say('${"a":1}', Buffer.from('\x08${"b":2}'));
    expect(end.controls).toEqual([{ a: 1 }, { b: 2 }]);
    expect(end.connection.received).toBe(0);
  });

  test("leave prototypes alone", async () => {
    const { end, say } = createBare();
    await say('${"__proto__":{"auth":true}}');
    expect("auth" in end.controls[0]!).toBe(false);
  });

  test("may attach the connection that the rest of the packet is for", () => {
    const clock = new FakeClock();
    const end = new End(clock);
    const socket = new StubSocket();
    end.open(socket, false);
    end.oncontrol = () => end.connection.attach(end.link);
    socket.onmessage('${"welcome":1}\x1eAone');
    expect(end.heard).toEqual(["1 one"]);
    expect(socket.closes).toEqual([]);
  });
});

test("each end's packets go over one turn of the loop, not over one frame", async () => {
  const { clock, client, server } = createEnds();
  for (let i = 0; i < 100; i++) client.ask();
  await clock.settle();
  for (const answer of server.answers) answer.result("");
  await clock.settle();
  expect([client.packets.length, server.packets.length]).toEqual([1, 1]);
});
