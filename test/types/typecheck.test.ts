import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { root } from "../support/runtimes.ts";

/*
 * `vitest --typecheck` passes whatever its tsconfig leaves out, without a word. So: a wrong type test fails when it is
 * checked, and every type test is checked.
 */

const fixture = "test/types/fixtures/wrong.test-d.ts";

function node(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  return { status, output: stdout + stderr };
}

test("a wrong type test fails", () => {
  const { status, output } = node(
    "node_modules/vitest/vitest.mjs",
    "run",
    "--root=.",
    "--config=test/types/fixtures/vitest.config.ts",
  );
  expect(output).toContain("TypeCheckError");
  expect(output).toContain("wrong.test-d.ts");
  expect(status).toBe(1);
});

test("every type test is checked", () => {
  const { output } = node("node_modules/typescript/bin/tsc", "-p", "tsconfig.json", "--listFilesOnly");
  const checked = new Set(output.split("\n").map((file) => file.trim().replace(root, "")));
  const written = readdirSync(`${root}test`, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test-d.ts") && !file.includes("node_modules"))
    .map((file) => `test/${file}`);
  expect(written).toContain(fixture);
  expect(written.filter((file) => !checked.has(file))).toEqual([fixture]);
});
