import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { compile } from "../../bench/harness/compile.ts";
import { roomy } from "../../bench/micro/allocation.ts";
import { root, runtimes } from "../support/runtimes.ts";

/*
 * What the server makes for a message, in bytes: a count, the same on every machine, since the code is interpreted, and by
 * the Node whose version test/runtimes holds. One allocation more for each message fails these; where there are fewer, the
 * number is to come down with them.
 */
const budgets = { call: 956, delivery: 144 };
/** The least that an object takes is 16 bytes, with one member 24. */
const SLACK = 8;

const file = compile(`${root}bench/micro/message-bytes.ts`);
// What runs the tests may end without an exit that `compile` would hear of.
afterAll(() => rmSync(file, { force: true }));

function count(what: keyof typeof budgets, ...args: string[]): number {
  const node = [...roomy, "--jitless", file, what, ...args];
  const { stdout, stderr, status } = spawnSync(runtimes.nodeCurrent, node, { encoding: "utf8" });
  expect(status, stderr).toBe(0);
  return (JSON.parse(stdout) as { bytes: number }).bytes;
}

describe.each(Object.entries(budgets) as [keyof typeof budgets, number][])("a %s", (what, budget) => {
  test(`makes ${budget} bytes`, () => {
    const bytes = count(what);
    expect(bytes).toBeLessThan(budget + SLACK);
    expect(bytes).toBeGreaterThan(budget - SLACK);
  });

  test("that makes one object more is noticed", () => {
    expect(count(what, "planted")).toBeGreaterThan(budget + SLACK);
  });
});
