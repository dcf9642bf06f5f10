import { expect, test } from "vitest";
import { KeyedLock } from "../../src/session/keyed-lock.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("work on one key takes turns, in the order in which it came", async () => {
  const lock = new KeyedLock();
  const heard: string[] = [];
  const work = (name: string) => async (): Promise<string> => {
    heard.push(`${name} begins`);
    await turn();
    heard.push(`${name} ends`);
    return name;
  };
  expect(await Promise.all(["a", "b", "c"].map((name) => lock.run("key", work(name))))).toEqual(["a", "b", "c"]);
  expect(heard).toEqual(["a", "b", "c"].flatMap((name) => [`${name} begins`, `${name} ends`]));
});

test("work on other keys does not wait", async () => {
  const lock = new KeyedLock();
  let release = (): void => {};
  const held = lock.run("a", () => new Promise<void>((resolve) => (release = resolve)));
  expect(await lock.run("b", async () => 1)).toBe(1);
  expect(lock.size).toBe(1);
  release();
  await held;
});

test("work that fails keeps nobody waiting, and nothing is left behind", async () => {
  const lock = new KeyedLock();
  const outcomes = await Promise.allSettled([
    lock.run("a", () => Promise.reject(new Error("No"))),
    lock.run("a", async () => 1),
    lock.run("a", () => {
      throw new Error("No");
    }),
    lock.run("a", async () => 2),
    lock.run("__proto__", async () => 3),
  ]);
  expect(outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : "failed"))).toEqual([
    "failed",
    1,
    "failed",
    2,
    3,
  ]);
  expect(lock.size).toBe(0);
});
