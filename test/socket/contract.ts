import { describe, expect, test } from "vitest";
import type { Socket } from "../../src/socket/socket.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";

/** What an end has heard: messages, `[code, reason]` of a close, `"drain"`. */
export function listen(socket: Socket): unknown[] {
  const heard: unknown[] = [];
  socket.onmessage = (data) => heard.push(data);
  socket.onclose = (code, reason) => heard.push([code, reason]);
  socket.ondrain = () => heard.push("drain");
  return heard;
}

interface Ends {
  readonly clock: FakeClock;
  readonly left: Socket;
  readonly right: Socket;
  readonly atLeft: unknown[];
  readonly atRight: unknown[];
}

/**
 * What holds for two sockets that are joined in memory, whatever is in between.
 *
 * @param name what it is
 * @param open opens the two ends
 */
export function describePair(name: string, open: (clock: FakeClock) => readonly [Socket, Socket]): void {
  function setUp(): Ends {
    const clock = new FakeClock();
    const [left, right] = open(clock);
    return { clock, left, right, atLeft: listen(left), atRight: listen(right) };
  }
  const noDrain = (heard: readonly unknown[]): unknown[] => heard.filter((item) => item !== "drain");

  describe(name, () => {
    test("delivers in order, later, and drains", () => {
      const { clock, left, atLeft, atRight } = setUp();
      const bytes = Uint8Array.of(1, 2);
      left.send("");
      left.send(bytes);
      left.send("ü");
      bytes[0] = 9;
      expect([atLeft, atRight, left.bufferedAmount]).toEqual([[], [], 4]);
      clock.advanceSync(1_000);
      expect(atRight).toEqual(["", Uint8Array.of(1, 2), "ü"]);
      expect(atLeft).toEqual(["drain"]);
      expect(left.bufferedAmount).toBe(0);
    });

    test("gives bytes that are nobody else's", () => {
      const { clock, left, atRight } = setUp();
      const all = Uint8Array.of(0, 1, 2, 3);
      left.send(all.subarray(1, 3));
      clock.advanceSync(1_000);
      const [got] = atRight as Uint8Array[];
      expect(got).toEqual(Uint8Array.of(1, 2));
      expect(got!.buffer).not.toBe(all.buffer);
    });

    test("drains each time, and not for what is empty", () => {
      const { clock, left, atLeft } = setUp();
      left.send("");
      clock.advanceSync(1_000);
      expect(atLeft).toEqual([]);
      for (const _ of [1, 2]) {
        left.send("a");
        clock.advanceSync(1_000);
      }
      expect(atLeft).toEqual(["drain", "drain"]);
    });

    test("delivers what came before a close, and tells both ends once", () => {
      const { clock, left, right, atLeft, atRight } = setUp();
      left.send("last");
      left.close(4001, "bye");
      left.close(4002);
      left.send("lost");
      right.send("too late");
      clock.advanceSync(1_000);
      expect(noDrain(atRight)).toEqual(["last", [4001, "bye"]]);
      expect(atLeft).toEqual(["drain", [4001, "bye"]]);
      right.send("lost");
      right.close();
      clock.advanceSync(1_000);
      expect(atLeft).toHaveLength(2);
      expect(noDrain(atRight)).toHaveLength(2);
      expect(clock.timers).toBe(0);
    });

    test("gives each end the other's code when both close at once", () => {
      const { clock, left, right, atLeft, atRight } = setUp();
      left.close(1000, "left");
      right.close(4004, "right");
      clock.advanceSync(1_000);
      expect(atLeft).toEqual([[4004, "right"]]);
      expect(atRight).toEqual([[1000, "left"]]);
    });

    test("says 1005 where no code was given", () => {
      const { clock, left, atLeft, atRight } = setUp();
      left.close();
      clock.advanceSync(1_000);
      expect([atLeft, atRight]).toEqual([[[1005, ""]], [[1005, ""]]]);
    });

    test("calls no handler from within send and close, and reads them at each event", () => {
      const { clock, left, right } = setUp();
      const heard: string[] = [];
      let within = false;
      const quiet = (run: () => void): void => {
        within = true;
        run();
        within = false;
      };
      const note = (what: string): void => void heard.push(within ? `${what} within` : what);
      right.onmessage = (data) => {
        note(`first ${String(data)}`);
        right.onmessage = (data) => note(`second ${String(data)}`);
        quiet(() => right.send("echo"));
      };
      left.onmessage = (data) => {
        note(String(data));
        quiet(() => left.close(1000));
      };
      left.ondrain = right.ondrain = () => note("drain");
      left.onclose = (code) => note(`left ${code}`);
      right.onclose = (code) => {
        note(`right ${code}`);
        quiet(() => right.send("lost"));
        quiet(() => right.close(4000));
      };
      quiet(() => left.send("1"));
      quiet(() => left.send("2"));
      clock.advanceSync(1_000);
      const order = ["first 1", "second 2", "echo", "right 1000", "left 1000"];
      expect(heard.filter((what) => what !== "drain")).toEqual(order);
      expect(heard.filter((what) => what === "drain")).toHaveLength(2);
    });

    test("says nothing after the close", () => {
      const { clock, left, right, atLeft, atRight } = setUp();
      right.send("a");
      right.send("b");
      left.onmessage = (data) => {
        atLeft.push(data);
        left.close(1000);
      };
      clock.advanceSync(1_000);
      expect(noDrain(atLeft)).toEqual(["a", [1000, ""]]);
      expect(noDrain(atRight)).toEqual([[1000, ""]]);
      expect(atLeft.at(-1)).toEqual([1000, ""]);
      expect(atRight.at(-1)).toEqual([1000, ""]);
    });

    test("needs no handlers", () => {
      const clock = new FakeClock();
      const [left, right] = open(clock);
      left.send("a");
      right.close(1000);
      clock.advanceSync(1_000);
      expect(clock.timers).toBe(0);
    });
  });
}
