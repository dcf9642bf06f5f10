import { cpSync, existsSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { emptyFolder, install, pack, packLibrary, removeFolders, run, tool } from "../support/packing.ts";
import { root, type RuntimeName, runtimeNames, spawnRuntime } from "../support/runtimes.ts";

const deno = JSON.parse(readFileSync(`${root}deno.json`, "utf8")) as { exports: Record<string, string> };
const entries = Object.values(deno.exports);
const mains: Record<RuntimeName, string> = {
  node20: "main.node.ts",
  nodeCurrent: "main.node.ts",
  bun: "main.bun.ts",
  deno: "main.deno.ts",
};

describe("the packed library", () => {
  const app = emptyFolder("app");
  const service = emptyFolder("service");
  let library = "";

  beforeAll(() => {
    library = packLibrary();
    cpSync(`${root}test/package/app`, app, { recursive: true });
    install(app, [library, "valibot"]);

    // A third party's service is compiled against the installed library, packed, and installed beside it.
    cpSync(`${root}test/package/service`, service, { recursive: true });
    symlinkSync(join(app, "node_modules"), join(service, "node_modules"));
    tool(service, "tsc", ["-p", ".", "--typeRoots", `${root}node_modules/@types`]);
    install(app, [pack(service)]);
  }, 240_000);

  afterAll(removeFolders);

  test.each(runtimeNames)("serves and connects on %s, and lets the process end", async (name) => {
    const child = spawnRuntime(name, join(app, mains[name]), [], {}, app);
    const checked = JSON.parse((await child.line("checked ")).slice("checked ".length)) as unknown;
    expect(checked).toEqual({ sum: 3, items: [0, 1, 2], result: "done", ticked: true });
    expect(await child.exited, child.errors()).toBe(0);
  });

  test.each(runtimeNames)("can be imported on %s without an effect", async (name) => {
    const child = spawnRuntime(name, join(app, "entries.ts"), [], {}, app);
    expect(await child.line("imported ")).toBe(`imported {"modules":7,"empty":0,"globals":0}`);
    expect(await child.exited, child.errors()).toBe(0);
  });

  test("has types that an app compiles against", () => {
    expect(tool(app, "tsc", ["-p", ".", "--typeRoots", `${root}node_modules/@types`])).toBe("");
  });

  test("has types that resolve", () => {
    tool(root, "attw", [library, "--profile", "esm-only", "--no-definitely-typed", "--no-emoji"]);
  });

  test("passes publint", () => {
    expect(tool(root, "publint", ["run", library, "--strict"])).toContain("All good!");
  });

  test("holds the build and nothing else", () => {
    const files = run(app, "tar", ["-tzf", library]).trim().split("\n");
    const known = /^package\/(dist\/.+\.(js|d\.ts)|package\.json|LICENSE|README\.md|PROTOCOL\.md|CHANGELOG\.md)$/;
    expect(files.filter((file) => !known.test(file))).toEqual([]);
    expect(files).toContain("package/LICENSE");
  });

  test("leaves the client without Node's WebSocket", () => {
    expect(existsSync(join(app, "node_modules/ws"))).toBe(true);
    const text = readFileSync(join(app, "node_modules/@prismrt/prism/dist/src/client/connect.js"), "utf8");
    expect(text).not.toMatch(/from ["']ws["']/);
  });
});

describe("on JSR", () => {
  test("would be published as it is", () => {
    const output = tool(root, "deno", ["publish", "--dry-run", "--allow-dirty"]);
    expect(output).toContain("Success");
    expect(output).not.toMatch(/warning/i);
  });

  test("has API pages", () => {
    run(root, "npm", ["run", "--silent", "docs"]);
    expect(readFileSync(`${root}docs/api/index.html`, "utf8")).toContain("Prism");
  });

  test("documents every export", () => {
    tool(root, "deno", ["doc", "--quiet", "--lint", ...entries]);
  });
});
