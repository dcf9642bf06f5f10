import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { root } from "../support/runtimes.ts";
import { findProblems } from "./floors.ts";
import { importsOf, readGraph, sourceFiles } from "./imports.ts";

const longest = 260;

describe("the library", () => {
  test("imports only downwards, without a cycle, and only the packages of its floor", () => {
    const graph = readGraph();
    expect(graph.size).toBeGreaterThan(10);
    expect(findProblems(graph)).toEqual([]);
  });

  test(`has no file of more than ${longest} lines`, () => {
    const lines = (file: string): number =>
      readFileSync(root + file, "utf8")
        .trimEnd()
        .split("\n").length;
    const handwritten = sourceFiles().filter((file) => !file.startsWith("src/http/generated"));
    expect(handwritten.filter((file) => lines(file) > longest).map((file) => `${file}: ${lines(file)}`)).toEqual([]);
  });
});

describe("the check", () => {
  const problems = (graph: Record<string, string[]>): string[] => findProblems(new Map(Object.entries(graph)));

  test("passes what goes down or stays", () => {
    expect(
      problems({
        "mod.ts": ["src/server/app.ts"],
        "adapters/node.ts": ["src/server/app.ts", "node:http", "ws"],
        "src/server/app.ts": ["src/http/routes.ts", "src/wire/frames.ts"],
        "src/http/routes.ts": ["hono", "hono/cors"],
        "src/client/node.ts": ["ws"],
        "src/services/rpc/client.ts": ["src/services/rpc/contract.ts"],
        "src/services/rpc/server.ts": ["src/services/rpc/contract.ts"],
        "src/services/rpc/contract.ts": ["src/wire/frames.ts"],
        "src/wire/frames.ts": ["src/wire/numbers.ts"],
        "src/wire/numbers.ts": [],
      }),
    ).toEqual([]);
  });

  test.each([
    ["an import from above", { "src/wire/a.ts": ["src/socket/b.ts"], "src/socket/b.ts": [] }, "from a floor above"],
    ["an import across", { "src/client/a.ts": ["src/middleware/b.ts"], "src/middleware/b.ts": [] }, "across its floor"],
    [
      "a service that imports another",
      { "src/services/rpc/server.ts": ["src/services/pubsub/topics.ts"], "src/services/pubsub/topics.ts": [] },
      "across its floor",
    ],
    ["a package", { "src/wire/a.ts": ["hono"] }, "the package hono"],
    ["a package with a like name", { "src/http/a.ts": ["hono-like"] }, "the package hono-like"],
    ["a module of Node's", { "src/connection/a.ts": ["node:crypto"] }, "the package node:crypto"],
    ["ws in the browser's client", { "src/client/connect.ts": ["ws"] }, "the package ws"],
    ["a file that is not there", { "src/wire/a.ts": ["src/wire/b.ts"] }, "which is not there"],
    ["a file on no floor", { "src/util.ts": [] }, "stands on no floor"],
    ["a cycle", { "src/wire/a.ts": ["src/wire/b.ts"], "src/wire/b.ts": ["src/wire/a.ts"] }, "cycle: "],
    ["a file that imports itself", { "src/wire/a.ts": ["src/wire/a.ts"] }, "cycle: "],
    [
      "halves that meet through a third file",
      {
        "src/services/rpc/client.ts": ["src/services/rpc/contract.ts"],
        "src/services/rpc/contract.ts": ["src/services/rpc/server.ts"],
        "src/services/rpc/server.ts": [],
      },
      "reaches the other half",
    ],
  ])("finds %s", (_, graph, problem) => {
    expect(problems(graph as Record<string, string[]>)).toEqual([expect.stringContaining(problem)]);
  });

  test("reads every form of import", () => {
    const text = `
      import a from "./a.ts";
      import type { B } from "../b.ts";
      import { type C } from "c";
      import "./effect.ts";
      export { d } from "./d.ts";
      export type { E } from "./e.ts";
      export * from "./f.ts";
      export const g = () => import("./g.ts");
      export let h: import("./h.ts").H;
      // import "./comment.ts";
      export const text = 'import "./text.ts"';
    `;
    expect(importsOf("src/wire/x.ts", text).toSorted()).toEqual(
      ["a", "d", "e", "effect", "f", "g", "h"]
        .map((name) => `src/wire/${name}.ts`)
        .concat("src/b.ts", "c")
        .toSorted(),
    );
  });
});
