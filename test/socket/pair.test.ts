import { describe, expect, test } from "vitest";
import { createSocketPair } from "../../src/socket/pair.ts";
import type { Socket } from "../../src/socket/socket.ts";
import type { Clock } from "../../src/wire/clock.ts";

/** A clock whose turns the test ends. */
function createTurns(): Clock & { turn(): void } {
  let queue: (() => void)[] = [];
  return {
    now: () => 0,
    random: () => 0,
    setTimer: () => ({ cancel: () => {} }),
    afterTurn: (run) => void queue.push(run),
    turn() {
      const runs = queue;
      queue = [];
      for (const run of runs) run();
    },
  };
}

function listen(socket: Socket): unknown[] {
  const heard: unknown[] = [];
  socket.onmessage = (data) => heard.push(data);
  socket.onclose = (code, reason) => heard.push([code, reason]);
  socket.ondrain = () => heard.push("drain");
  return heard;
}

function setUp(): {
  clock: ReturnType<typeof createTurns>;
  left: Socket;
  right: Socket;
  atLeft: unknown[];
  atRight: unknown[];
} {
  const clock = createTurns();
  const [left, right] = createSocketPair(clock);
  return { clock, left, right, atLeft: listen(left), atRight: listen(right) };
}

describe("createSocketPair", () => {
  test("delivers in order once the turn is over, and drains", () => {
    const { clock, left, atLeft, atRight } = setUp();
    const bytes = Uint8Array.of(1, 2);
    left.send("");
    left.send(bytes);
    left.send("ü");
    bytes[0] = 9;
    expect(atRight).toEqual([]);
    expect(left.bufferedAmount).toBe(4);
    clock.turn();
    expect(atRight).toEqual(["", Uint8Array.of(1, 2), "ü"]);
    expect(atLeft).toEqual(["drain"]);
    expect(left.bufferedAmount).toBe(0);
  });

  test("delivers what came before a close, and tells both ends once", () => {
    const { clock, left, right, atLeft, atRight } = setUp();
    left.send("last");
    left.close(4001, "bye");
    left.close(4002);
    left.send("lost");
    right.send("too late");
    clock.turn();
    clock.turn();
    expect(atRight).toEqual(["last", [4001, "bye"]]);
    expect(atLeft).toEqual(["drain", [4001, "bye"]]);
    right.send("lost");
    right.close();
    clock.turn();
    expect(atLeft).toHaveLength(2);
  });

  test("gives each end the other's code when both close at once", () => {
    const { clock, left, right, atLeft, atRight } = setUp();
    left.close(1000, "left");
    right.close(4004, "right");
    clock.turn();
    clock.turn();
    expect(atLeft).toEqual([[4004, "right"]]);
    expect(atRight).toEqual([[1000, "left"]]);
  });

  test("says 1005 where no code was given", () => {
    const { clock, left, atLeft, atRight } = setUp();
    left.close();
    clock.turn();
    clock.turn();
    expect([atLeft, atRight]).toEqual([[[1005, ""]], [[1005, ""]]]);
  });

  test("sends what a handler sends in a later turn", () => {
    const { clock, left, right, atLeft } = setUp();
    right.onmessage = (data) => right.send(data);
    left.send("echo");
    clock.turn();
    expect(atLeft).toEqual(["drain"]);
    clock.turn();
    expect(atLeft).toEqual(["drain", "echo"]);
  });
});
