import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FakeClock } from "../../src/testing/testing.ts";

describe("timers", () => {
  test("run at their moment, those of one moment as they were set", () => {
    const clock = new FakeClock();
    const ran: unknown[] = [];
    for (const [name, ms] of [["c", 5] as const, ["a", 1] as const, ["d", 5] as const, ["b", 1] as const])
      clock.setTimer(() => ran.push([name, clock.now() - 1_000]), ms);
    clock.advanceSync(4);
    expect(ran).toEqual([
      ["a", 1],
      ["b", 1],
    ]);
    clock.advanceSync(1);
    expect(ran.slice(2)).toEqual([
      ["c", 5],
      ["d", 5],
    ]);
    expect([clock.now(), clock.timers, clock.timersSet]).toEqual([1_005, 0, 4]);
  });

  test("can be taken back, also twice, late, and by each other", () => {
    const clock = new FakeClock();
    const ran: string[] = [];
    const first = clock.setTimer(() => {
      ran.push("first");
      first.cancel();
      second.cancel();
    }, 1);
    const second = clock.setTimer(() => ran.push("second"), 1);
    const third = clock.setTimer(() => ran.push("third"), 2);
    clock.advanceSync(1);
    expect(clock.timers).toBe(1);
    clock.advanceSync(1);
    for (const timer of [first, second, third, third]) timer.cancel();
    expect([ran, clock.timers]).toEqual([["first", "third"], 0]);
  });

  test("are refused where a runtime would run them at once", () => {
    const clock = new FakeClock();
    expect(() => clock.setTimer(() => {}, NaN)).toThrow(RangeError);
    expect(() => clock.setTimer(() => {}, 2 ** 31)).toThrow("Timer of 2147483648 ms");
    clock.setTimer(() => {}, 2 ** 31 - 1);
    const ran: number[] = [];
    for (const ms of [0, -5]) clock.setTimer(() => ran.push(ms), ms);
    expect([clock.step(), clock.step()]).toEqual([true, true]);
    // A time that has gone by is now, and no earlier.
    expect([ran, clock.now(), clock.timers]).toEqual([[0, -5], 1_000, 1]);
  });

  test("run in order, whatever is set and taken back", () => {
    const actions = fc.array(fc.tuple(fc.nat(20), fc.boolean(), fc.nat()), { maxLength: 200 });
    fc.assert(
      fc.property(actions, (actions) => {
        const clock = new FakeClock();
        const ran: number[] = [];
        const left = new Map<number, { at: number; cancel(): void }>();
        for (const [i, [ms, cancel, pick]] of actions.entries()) {
          const timer = clock.setTimer(() => ran.push(i), ms);
          left.set(i, { at: ms, cancel: () => timer.cancel() });
          if (!cancel) continue;
          const taken = [...left.keys()][pick % left.size]!;
          left.get(taken)!.cancel();
          left.delete(taken);
        }
        expect(clock.timers).toBe(left.size);
        clock.advanceSync(20);
        expect(ran).toEqual([...left].toSorted(([a, x], [b, y]) => x.at - y.at || a - b).map(([i]) => i));
        expect(clock.timers).toBe(0);
      }),
    );
  });

  test("are many in no time", () => {
    const clock = new FakeClock();
    const random = new FakeClock({ seed: 1 });
    let ran = 0;
    const again = (): void => {
      if (++ran < 200_000) clock.setTimer(again, Math.floor(random.random() * 10_000));
    };
    for (let i = 0; i < 20_000; i++) clock.setTimer(again, i);
    const start = performance.now();
    while (clock.step());
    // Half a second; a linear search of 20,000 at each step would take minutes.
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(ran).toBe(219_999);
  });
});

describe("turns", () => {
  test("end one at a time", () => {
    const clock = new FakeClock();
    const ran: number[] = [];
    clock.afterTurn(() => {
      ran.push(1);
      clock.afterTurn(() => ran.push(3));
    });
    clock.afterTurn(() => ran.push(2));
    clock.turn();
    expect(ran).toEqual([1, 2]);
    clock.turn();
    expect(ran).toEqual([1, 2, 3]);
  });

  test("end all at this moment, and before and after each timer", () => {
    const clock = new FakeClock();
    const ran: string[] = [];
    const note = (what: string): void => void ran.push(`${what} ${clock.now()}`);
    const turns = (what: string, count: number): void => {
      note(`${what}${count}`);
      if (count > 0) clock.afterTurn(() => turns(what, count - 1));
    };
    turns("a", 2);
    clock.setTimer(() => turns("b", 2), 1);
    clock.setTimer(() => turns("c", 0), 1);
    clock.runTurns();
    expect(ran.splice(0)).toEqual(["a2 1000", "a1 1000", "a0 1000"]);
    clock.afterTurn(() => note("late"));
    expect(clock.step()).toBe(true);
    expect(ran.splice(0)).toEqual(["late 1000", "b2 1001", "b1 1001", "b0 1001"]);
    expect([clock.step(), clock.step()]).toEqual([true, false]);
    expect(ran).toEqual(["c0 1001"]);
  });

  test("end while time goes by, without promises", () => {
    const clock = new FakeClock();
    const ran: number[] = [];
    clock.setTimer(() => clock.afterTurn(() => clock.setTimer(() => ran.push(clock.now()), 2)), 1);
    clock.advanceSync(2);
    expect([ran, clock.now()]).toEqual([[], 1_002]);
    clock.advanceSync(1);
    expect(ran).toEqual([1_003]);
  });
});

describe("promises", () => {
  test("go on between turns and timers", async () => {
    const clock = new FakeClock();
    const ran: string[] = [];
    const turn = (): Promise<void> => new Promise((resolve) => clock.afterTurn(resolve));
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, ms));
    const work = async (): Promise<void> => {
      for (let i = 0; i < 10; i++) await Promise.resolve();
      await turn();
      ran.push(`turn ${clock.now()}`);
      for (const ms of [1, 2, 4]) {
        await sleep(ms);
        ran.push(`slept ${clock.now()}`);
      }
    };
    void work();
    await clock.settle();
    expect(ran).toEqual(["turn 1000"]);
    await clock.advance(3);
    expect(ran.slice(1)).toEqual(["slept 1001", "slept 1003"]);
    await clock.advance(100);
    expect([ran.at(-1), clock.now()]).toEqual(["slept 1007", 1_103]);
  });

  test("are waited for where they take real time", async () => {
    const clock = new FakeClock();
    const ran: string[] = [];
    const work = async (): Promise<void> => {
      await new Promise((resolve) => void setTimeout(resolve, 30));
      clock.afterTurn(() => ran.push("done"));
    };
    clock.busyWith(work());
    clock.busyWith(Promise.reject(new Error("no")));
    await clock.settle();
    expect(ran).toEqual(["done"]);
  });

  test("are not waited for for ever", async () => {
    const clock = new FakeClock();
    clock.busyWith(new Promise(() => {}));
    const start = performance.now();
    await clock.settle();
    expect(performance.now() - start).toBeGreaterThan(900);
  });
});

describe("time", () => {
  test("moves the time of day", () => {
    const clock = new FakeClock();
    expect(new Date(clock.wall()).toISOString()).toBe("2025-01-01T00:00:00.000Z");
    clock.advanceSync(1_500);
    expect(new Date(clock.wall()).toISOString()).toBe("2025-01-01T00:00:01.500Z");
  });

  test("does not go back, and holds timers up", async () => {
    const clock = new FakeClock();
    const ran: number[] = [];
    clock.setTimer(() => {
      ran.push(clock.now());
      clock.hold(50);
    }, 10);
    clock.setTimer(() => ran.push(clock.now()), 20);
    clock.hold(15);
    expect([ran, clock.now()]).toEqual([[], 1_015]);
    await clock.advance(10);
    expect([ran, clock.now()]).toEqual([[1_015, 1_065], 1_065]);
    clock.hold(-5);
    expect(clock.now()).toBe(1_065);
  });
});

describe("chance", () => {
  const draw = (clock: FakeClock): number[] => Array.from({ length: 1_000 }, () => clock.random());

  test("is what the test says, without a seed", () => {
    const clock = new FakeClock();
    expect(clock.random()).toBe(0.5);
    clock.chance = 0.1;
    expect(clock.random()).toBe(0.1);
  });

  test("follows from the seed", () => {
    const first = draw(new FakeClock({ seed: 7 }));
    expect(draw(new FakeClock({ seed: 7 }))).toEqual(first);
    expect(draw(new FakeClock({ seed: 8 }))).not.toEqual(first);
    expect(first.every((n) => n >= 0 && n < 1)).toBe(true);
    for (const seed of [0, 1, -1, 2 ** 32, 0.5]) {
      const mean = draw(new FakeClock({ seed })).reduce((sum, n) => sum + n, 0) / 1_000;
      expect(Math.abs(mean - 0.5), `seed ${seed}`).toBeLessThan(0.05);
    }
  });
});
