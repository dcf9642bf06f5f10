import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { root, runtimeArgs } from "../support/runtimes.ts";

/* In processes of their own, whose heap is so large that nothing is collected: its growth is all that was made. */
const roomy = ["--expose-gc", "--min-semi-space-size=128", "--max-semi-space-size=128"];

type Chain = "none" | "one" | "five" | "careless";

/** Bytes that a message makes, with these options of V8. */
function measure(chain: Chain, ...flags: string[]): number {
  const args = runtimeArgs("node20", `${root}test/server/allocation.ts`, [chain]);
  const { stdout, stderr, status } = spawnSync(process.execPath, [...roomy, ...flags, ...args], { encoding: "utf8" });
  expect(status, stderr).toBe(0);
  return (JSON.parse(stdout) as { bytes: number }).bytes;
}

// What functions that call each other make is not saved by their having become one: as if each were called from all over.
describe("compiled, without inlining", () => {
  const bytes = (chain: Chain): number => measure(chain, "--no-turbo-inlining");

  test.each(["none", "one", "five"] as const)(
    "a message makes nothing on its way through %s",
    { timeout: 60_000 },
    (chain) => {
      expect(bytes(chain)).toBeLessThan(0.5);
    },
  );

  test("an object that middleware makes is noticed", { timeout: 60_000 }, () => {
    expect(bytes("careless")).toBeGreaterThan(15);
  });
});

describe("interpreted", () => {
  test("a message makes no more with middleware than without", { timeout: 60_000 }, () => {
    const [without, five, careless] = (["none", "five", "careless"] as const).map((chain) =>
      measure(chain, "--no-opt"),
    );
    expect(five! - without!).toBeLessThan(0.5);
    expect(careless! - without!).toBeGreaterThan(15);
  });
});
