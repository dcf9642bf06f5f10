import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { build, type BuildOptions } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run, tool } from "../support/packing.ts";
import { root, type RuntimeName, runtimeNames, runtimes, spawnRuntime } from "../support/runtimes.ts";

/*
 * Users' halves reach a generated client as the text that a runtime has of them, which is what the tools before it have
 * made: each of them writes the client of the same app here, and each client is used.
 */

const folder = `${root}test-output/halves/`;
const fixture = `${root}test/client-module/fixtures/print.ts`;
const use = `${root}test/client-module/fixtures/use.ts`;

/** Reads what `print.ts` wrote. */
function modules(output: string): string[] {
  const lines = output.split("\n").filter((line) => line.startsWith("module "));
  return lines.map((line) => JSON.parse(line.slice("module ".length)) as string);
}

async function print(name: RuntimeName): Promise<string[]> {
  const child = spawnRuntime(name, fixture);
  const lines = [await child.line("module "), await child.line("module ")];
  expect(await child.exited, child.errors()).toBe(0);
  return modules(lines.join("\n"));
}

async function bundled(name: string, options: BuildOptions): Promise<string[]> {
  const outfile = `${folder}${name}.mjs`;
  await build({
    entryPoints: [fixture],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    packages: "external",
    logLevel: "silent",
    ...options,
  });
  return modules(run(root, runtimes.node20, [outfile]));
}

function compiled(): string[] {
  const config = `${folder}tsconfig.json`;
  const outDir = `${folder}tsc`;
  writeFileSync(
    config,
    JSON.stringify({
      extends: `${root}tsconfig.build.json`,
      compilerOptions: {
        outDir,
        rootDir: root,
        declaration: false,
        isolatedDeclarations: false,
        types: ["node"],
        typeRoots: [`${root}node_modules/@types`],
      },
      include: [fixture],
      exclude: [],
    }),
  );
  tool(root, "tsc", ["-p", config]);
  return modules(run(root, runtimes.node20, [`${outDir}/test/client-module/fixtures/print.js`]));
}

const ways: readonly (readonly [name: string, write: () => string[] | Promise<string[]>])[] = [
  ["tsx", () => print("node20")],
  ["tsx on a current Node", () => print("nodeCurrent")],
  ["Bun", () => print("bun")],
  ["Deno", () => print("deno")],
  ["tsc's output", compiled],
  ["esbuild", () => bundled("plain", {})],
  ["esbuild --keep-names", () => bundled("named", { keepNames: true })],
  ["esbuild --minify", () => bundled("minified", { minify: true })],
  ["esbuild --minify --keep-names", () => bundled("minified-named", { minify: true, keepNames: true })],
];

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function useOn(name: RuntimeName, text: string): Promise<unknown> {
  const file = `${folder}client.mjs`;
  writeFileSync(file, text);
  const child = spawnRuntime(name, use, [file]);
  const used = JSON.parse((await child.line("used ")).slice("used ".length)) as unknown;
  expect(await child.exited, child.errors()).toBe(0);
  return used;
}

const names = ["arrow", "plain", "named", "method", "if", "get", "a-string", "computed"].flatMap((name) =>
  ["arrow", "function", "method"].map((codec) => `${name}-${codec}`),
);
const expected = {
  results: names.map((name) => [name, [5], 1]),
  sent: names.map((_, number) => `${String.fromCharCode(0x40 + number)}<6>`),
};

describe.each(ways)("%s", (_, write) => {
  test("leaves halves that stand alone", async () => {
    const texts = await write();
    expect(texts).toHaveLength(2);
    for (const text of texts) expect(await useOn("node20", text)).toEqual(expected);
  });
});

test.each(runtimeNames)("a generated client runs on %s", async (name) => {
  for (const text of await print("node20")) expect(await useOn(name, text)).toEqual(expected);
});
