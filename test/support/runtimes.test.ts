import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { runtimeNames, runtimeVersions, spawnRuntime } from "./runtimes.ts";

const fixture = fileURLToPath(new URL("./runtimes-fixture.ts", import.meta.url));

test("the versions are those that the tests mean to run on", () => {
  const versions = Object.fromEntries(runtimeVersions().map(({ name, version }) => [name, version]));
  expect(versions.node20).toBe(process.versions.node);
  expect(Number.parseInt(versions.nodeCurrent ?? "", 10)).toBeGreaterThan(Number.parseInt(process.versions.node, 10));
});

describe.each(runtimeNames)("%s", (name) => {
  test("runs TypeScript, says when it is ready, and can be stopped", async () => {
    const child = spawnRuntime(name, fixture, ["one"], { PRISM_FIXTURE: "two" });
    expect(await child.ready()).toEqual({
      argument: "one",
      environment: "two",
      runtime: name.replace(/20|Current/, ""),
    });
    child.write("ping");
    expect(await child.line("pong")).toBe("pong");
    await child.stop();
    await expect(child.line("more")).rejects.toThrow(/ended with/);
  });
});
