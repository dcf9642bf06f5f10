import { expect, test } from "vitest";
import { Patience, type Pending } from "../../src/broker/patience.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { upTo } from "./stage.ts";

/** Something of a length, which notes that it has failed. */
class Wait implements Pending {
  readonly size: number;
  held = false;
  error = "";

  constructor(size: number) {
    this.size = size;
  }

  fail(error: unknown): void {
    this.error = (error as Error).message;
  }
}

test("what waits is bounded by its number and by its length, each until it is done", async () => {
  const clock = new FakeClock();
  const patience = new Patience(clock, 1_000, { queue: 4, queueBytes: 100 });
  const add = (size: number): Wait => {
    const wait = new Wait(size);
    expect(patience.add(wait)).toBe(wait.error === "");
    return wait;
  };
  const [long, behind, empty] = [add(500), add(1), add(0)];
  // One alone may be longer.
  expect([long.error, behind.error]).toEqual(["", "The broker's engine is away: 500 bytes wait"]);
  patience.done(long);
  expect([empty, add(60), add(40), add(1), add(0), add(0)].map(({ error }) => error.split(": ")[1])).toEqual([
    undefined,
    undefined,
    undefined,
    "100 bytes wait",
    undefined,
    "4 others wait",
  ]);
  await clock.advance(1_000);
  expect(empty.error).toContain("No answer within 1000 ms");
  for (const _ of upTo(3)) expect(add(30).error).toBe("");
  expect(add(20).error).toContain("90 bytes wait");
  patience.close();
  expect(add(0).error).toBe("The broker is closed");
  expect(clock.timers).toBe(0);
});

test("what the engine's client holds still counts, though nobody waits for it any more", async () => {
  const clock = new FakeClock();
  const patience = new Patience(clock, 1_000, { queue: 2, queueBytes: 100 });
  const held = new Wait(60);
  patience.add(held);
  held.held = true;
  await clock.advance(1_000);
  expect(held.error).toContain("No answer within 1000 ms");
  const more = [new Wait(60), new Wait(10), new Wait(10)];
  expect(more.map((one) => patience.add(one))).toEqual([false, true, false]);
  expect(more.map(({ error }) => error.split(": ")[1])).toEqual(["60 bytes wait", undefined, "2 others wait"]);
  patience.release(held);
  expect([patience.add(new Wait(90)), patience.add(new Wait(0))]).toEqual([true, false]);
  // One that was done while it was held counts once.
  const [one] = more.slice(1);
  one!.held = true;
  patience.release(one!);
  expect(patience.done(one!)).toBe(true);
  expect(patience.add(new Wait(10))).toBe(true);
});
