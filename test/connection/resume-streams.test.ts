import { describe, expect, test } from "vitest";
import { collect, expectNoUnhandledRejections, joinWith, watch, type Joined } from "../service/joined.ts";
import type { EndOptions } from "./ends.ts";
import { cut, resume } from "./resumption.ts";

expectNoUnhandledRejections();

const count = (to: number): (() => AsyncGenerator<number, string>) =>
  async function* () {
    for (let i = 0; i < to; i++) yield i;
    return "done";
  };

const numbers = (to: number): number[] => Array.from({ length: to }, (_, i) => i);

const join = (handler: Parameters<typeof joinWith>[0], limits: EndOptions = {}): Joined =>
  joinWith(handler, {
    client: { lasting: true, ...limits },
    server: { lasting: true, heard: true, sendLimit: 1_000_000, ...limits },
  });

describe("a stream", () => {
  test("holds at half of what may be kept, and goes on with each acknowledgement", async () => {
    const joined = join(count(40), { replayFrames: 20 });
    const call = collect(joined.call<number>("go"));
    await joined.clock.settle();
    expect(call.items).toHaveLength(10);
    await joined.clock.advance(1_000);
    expect(call.items.length).toBeGreaterThan(10);
    expect(call.items.length).toBeLessThanOrEqual(20);
    await joined.clock.advance(10_000);
    expect(call).toEqual({ items: numbers(40), end: { value: "done" } });
  });

  test("of the caller's holds there, too, and another call is still taken", async () => {
    let taken = 0;
    const joined = join(
      async (body, answer) => {
        if (body === "else") return "else";
        for await (const _ of answer.items) taken++;
        return taken;
      },
      { replayFrames: 20 },
    );
    const call = watch(joined.call("go", { items: count(100)() }));
    await joined.clock.settle();
    // The call itself is one of the ten.
    expect(taken).toBe(9);
    const other = watch(joined.call("else"));
    await joined.clock.settle();
    expect(other).toEqual({ value: "else" });
    await joined.clock.advance(30_000);
    expect(call).toEqual({ value: 100 });
  });

  test("waits while there is no socket, and goes on after each that comes", async () => {
    const joined = join(count(200), { replayFrames: 16 });
    const call = collect(joined.call<number>("go"));
    for (let round = 0; round < 40; round++) {
      await joined.clock.advance((round % 5) * 300);
      for (let turns = round % 3; turns > 0; turns--) joined.clock.turn();
      cut(joined);
      await joined.clock.settle();
      expect(joined.server.connection.waiting).toBeLessThan(1_000);
      expect(resume(joined)).toBe(true);
    }
    await joined.clock.advance(60_000);
    expect(call).toEqual({ items: numbers(200), end: { value: "done" } });
  });

  test("that waits for room is let go when the connection ends", async () => {
    let stopped = false;
    const joined = join(
      async function* () {
        try {
          for (;;) yield "item";
        } finally {
          stopped = true;
        }
      },
      { replayFrames: 4 },
    );
    const call = collect(joined.call("go"));
    await joined.clock.settle();
    expect(joined.server.connection.roomy).toBe(false);
    joined.server.connection.end(new Error("over") as never);
    await joined.clock.settle();
    expect([stopped, joined.server.connection.roomy]).toEqual([true, true]);
    expect(call.items).toHaveLength(2);
  });
});

describe("whoever asks for room", () => {
  test("gets it with the acknowledgement, on whatever socket, or at the end", async () => {
    const joined = join(() => "", { replayFrames: 8 });
    const { connection } = joined.server;
    for (let i = 0; i < 4; i++) connection.send("A");
    expect(connection.roomy).toBe(false);
    const room = watch(connection.room());
    joined.clock.turn();
    cut(joined);
    await joined.clock.settle();
    resume(joined);
    await joined.clock.advance(999);
    expect([room, connection.roomy]).toEqual([{}, false]);
    await joined.clock.advance(1_001);
    expect([room, connection.roomy]).toEqual([{ value: undefined }, true]);
    for (let i = 0; i < 4; i++) connection.send("A");
    const over = watch(connection.room());
    connection.end(new Error("over") as never);
    await joined.clock.settle();
    expect(over).toEqual({ value: undefined });
    expect(watch(connection.room())).toEqual({});
    await connection.room();
  });
});
