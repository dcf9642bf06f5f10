import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { root, runtimeArgs, runtimes } from "../support/runtimes.ts";

interface Run {
  readonly status: number | null;
  readonly output: string;
}

/** Runs a file of this folder to its end, by itself, since the fuzzer hears of unhandled rejections and counts branches. */
function run(file: string, ...args: readonly string[]): Run {
  const command = runtimeArgs("node20", `${root}test/fuzz/${file}`, args);
  const { status, stdout, stderr } = spawnSync(runtimes.node20, command, { encoding: "utf8" });
  return { status, output: stdout + stderr };
}

describe("the receive path", () => {
  it("stands ten seconds of fuzzing, which reach nearly all branches of the wire and the connection", () => {
    const { status, output } = run("run.ts", "--seconds", "10", "--seed", "1000");
    // The seed of what was random, and the coverage, also where all is well.
    console.log(output);
    expect(output).toMatch(/^0 crashes$/m);
    expect(status).toBe(0);
    // The first campaigns are run to their end, on a slow machine, too.
  }, 240_000);
});

describe("the fuzzer", () => {
  it.each(["throw", "grammar", "rejection"])("finds what was planted as %s, and fails", (plant) => {
    const { status, output } = run("run.ts", "--plant", plant);
    expect(output).toMatch(/^CRASH /m);
    expect(status).toBe(1);
  });

  it("runs the same campaign again for the same seed", () => {
    const first = run("run.ts", "--seed", "7");
    expect(first.output).toBe(run("run.ts", "--seed", "7").output);
    expect(first.output).toMatch(/^seed 7\n/);
  });
});

describe("the coverage", () => {
  it("finds each branch that was not taken, in its line, also in what was never called", () => {
    const { output } = run("fixtures/cover.ts");
    expect(JSON.parse(output)).toEqual({
      branches: 14,
      missed: [
        { line: 3, way: "if" },
        { line: 5, way: "?." },
        { line: 11, way: "case" },
        { line: 15, way: "?" },
        { line: 16, way: "catch" },
        { line: 22, way: "?" },
        { line: 22, way: ":" },
      ],
    });
  });
});
