import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apps } from "../../bench/types/apps.ts";
import { TypeBench } from "../../bench/types/check.ts";

/* What is compared is the same work, and a wrong use of each client is found. The counts are the same on every machine. */

let bench: TypeBench;
beforeAll(() => {
  bench = new TypeBench();
});
afterAll(() => bench.close());

describe.each(apps)("$name", ({ server, client }) => {
  test.each([
    ["input", "tags: [] }", 'tags: "" }'],
    ["result", ".nested.list", ".nested.lists"],
    ["procedure", ".s9.p19", ".s9.p20"],
  ])("has its %s checked", (_, right, wrong) => {
    const at = client.lastIndexOf(right);
    expect(at).toBeGreaterThan(0);
    const other = client.slice(0, at) + wrong + client.slice(at + right.length);
    expect(() => bench.check({ server, client: other })).toThrow(/error TS/);
  });
});

test("Prism's types cost less than its peers'", () => {
  const [prism, trpc, orpc] = apps.map((app) => bench.check(app).instantiations);
  console.log(`Prism ${prism} instantiations, tRPC ${trpc}, oRPC ${orpc}`);
  expect(prism).toBeLessThan(trpc!);
  expect(prism).toBeLessThan(orpc!);
  // Nor are they to grow.
  expect(prism).toBeLessThan(122_500);
});
