import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { root, runtimes } from "../../support/runtimes.ts";

/*
 * The ports are written structurally, so that Prism names no platform's types. Here the platforms' real objects are put
 * to them, each folder with the types of its platform and no other's.
 */

const here = "test/types/platforms";

function run(command: string, ...args: string[]): { status: number | null; output: string } {
  const env = { ...process.env, NO_COLOR: "1" };
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: "utf8", env });
  return { status, output: stdout + stderr };
}

function check(folder: string): { status: number | null; output: string } {
  return run(process.execPath, "node_modules/typescript/bin/tsc", "-p", `${here}/${folder}`);
}

const folders = readdirSync(`${root}${here}`, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

describe("what the ports take is what there is", () => {
  test.each(folders.filter((name) => name !== "deno" && name !== "wrong"))("%s", (folder) => {
    const { status, output } = check(folder);
    expect(status, output).toBe(0);
  });

  test("deno", () => {
    const { status, output } = run(runtimes.deno, "check", "--quiet", `${here}/deno/main.ts`);
    expect(status, output).toBe(0);
  });
});

test("what does not fit is an error, on each line", () => {
  const { status, output } = check("wrong");
  expect(status).not.toBe(0);
  const lines = readFileSync(`${root}${here}/wrong/main.ts`, "utf8").split("\n");
  const first = lines.findIndex((line) => line.startsWith("//")) + 2;
  const wrong = lines.flatMap((line, i) => (i + 1 >= first && line !== "" ? [i + 1] : []));
  expect(wrong.length).toBeGreaterThan(3);
  expect([...output.matchAll(/main\.ts\((\d+),\d+\): error/g)].map(([, line]) => Number(line))).toEqual(wrong);
});
