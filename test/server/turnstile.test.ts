import { expect, test } from "vitest";
import { Turnstile } from "../../src/server/turnstile.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";

test("lets some through at once, and the others turn by turn, in order", () => {
  const clock = new FakeClock();
  const turnstile = new Turnstile(clock, 2);
  const passed: number[] = [];
  for (let i = 0; i < 5; i++) turnstile.pass(() => passed.push(i));
  expect(passed).toEqual([0, 1]);
  clock.turn();
  expect(passed).toEqual([0, 1, 2, 3]);
  // Whoever comes now waits behind the others.
  turnstile.pass(() => passed.push(5));
  turnstile.pass(() => passed.push(6));
  expect(passed).toEqual([0, 1, 2, 3]);
  clock.turn();
  expect(passed).toEqual([0, 1, 2, 3, 4, 5]);
  clock.runTurns();
  expect(passed).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test("begins anew with each turn, and has nothing to do when nobody comes", () => {
  const clock = new FakeClock();
  const turnstile = new Turnstile(clock, 2);
  let passed = 0;
  for (let turn = 1; turn <= 3; turn++) {
    turnstile.pass(() => passed++);
    turnstile.pass(() => passed++);
    expect(passed).toBe(turn * 2);
    clock.turn();
  }
  clock.runTurns();
  turnstile.pass(() => passed++);
  expect(passed).toBe(7);
});

test("may be entered again by what it lets through", () => {
  const clock = new FakeClock();
  const turnstile = new Turnstile(clock, 1);
  const passed: string[] = [];
  turnstile.pass(() => {
    passed.push("outer");
    turnstile.pass(() => passed.push("inner"));
  });
  expect(passed).toEqual(["outer"]);
  clock.runTurns();
  expect(passed).toEqual(["outer", "inner"]);
});
