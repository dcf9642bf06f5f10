import { expect, test } from "vitest";
import { root, runtimeNames, spawnRuntime } from "../support/runtimes.ts";

const at = "1970-01-01T00:00:00.000Z";

test.each(runtimeNames)("console.log prints each entry as one line on %s", { timeout: 60_000 }, async (name) => {
  const child = spawnRuntime(name, `${root}test/server/print.ts`);
  const lines: string[] = [];
  for (let i = 0; i < 4; i++) lines.push(await child.line(""));
  expect(await child.exited, child.errors()).toBe(0);
  expect(lines.slice(0, 3)).toEqual([
    `${at} info  c1 Connected 192.0.2.1`,
    `${at} error it A handler\\nfailed \\u001b[31m\\u2028`,
    `${at} debug Frame {"kind":"message","length":7,"deep":{"er":{"and":{"deeper":[1]}}}}`,
  ]);
  expect(lines[3]).toHaveLength(501);
});
