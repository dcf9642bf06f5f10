import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeClientTypes, type ClientTypesOptions } from "../../src/http/client-types.ts";
import { tool } from "../support/packing.ts";
import { root } from "../support/runtimes.ts";
import { createApp } from "./fixtures/app.ts";

const folder = `${root}test-output/client-types/`;

/** Compiles files that import the package by its name, `client.js` with the types under test, and the fixture's app. */
function compile(files: Readonly<Record<string, string>>): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const source = (path: string): string[] => [`${root}${path}`];
  const config = {
    extends: `${root}tsconfig.base.json`,
    compilerOptions: {
      lib: ["es2023", "dom", "dom.iterable", "dom.asynciterable"],
      types: ["node"],
      typeRoots: [`${root}node_modules/@types`],
      isolatedDeclarations: false,
      declaration: false,
      paths: {
        "@prismrt/prism/client": source("src/client/connect.ts"),
        "@prismrt/prism/services/rpc/client": source("src/services/rpc/client.ts"),
      },
    },
    include: ["*.ts"],
  };
  const types = createApp().buildClientTypes({ from: "../../test/client-module/fixtures/app.ts" });
  const all = { "tsconfig.json": JSON.stringify(config), "client.d.ts": types, ...files };
  for (const [name, text] of Object.entries(all)) writeFileSync(folder + name, text);
  return tool(root, "tsc", ["-p", folder]);
}

beforeAll(() => rmSync(folder, { recursive: true, force: true }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the types are those of connect<App>", () => {
  const check = `
    import { connect as connectTo, isPrismError, PrismError } from "@prismrt/prism/client";
    import { rpc } from "@prismrt/prism/services/rpc/client";
    import type { App } from "../../test/client-module/fixtures/app.ts";
    import * as generated from "./client.js";

    type Equal<A, B> =
      (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
    const yes = <T extends true>(): T | undefined => undefined;

    yes<Equal<ReturnType<typeof generated.connect>, ReturnType<typeof connectTo<App>>>>();
    yes<Equal<typeof generated.rpc, typeof rpc>>();
    yes<Equal<typeof generated.PrismError, typeof PrismError>>();
    yes<Equal<typeof generated.isPrismError, typeof isPrismError>>();
    yes<Equal<typeof generated.serverUrl, string>>();
    // @ts-expect-error The trick tells different types apart.
    yes<Equal<ReturnType<typeof generated.connect>, ReturnType<typeof connectTo<App, "math">>>>();

    const client = generated.connect();
    const sum: number = await client.math.add({ a: 1, b: 2 });
    for await (const item of client.math.count(3)) yes<Equal<typeof item, number>>();
    const text: string = await client.text.upper("a");
    const { status } = client.connection;
    void [sum, text, status];

    generated.connect("wss://example.org/prism", { timeout: 1, lazy: true });
    generated.connect(new URL("ws://localhost"), { services: {} });
    generated.connect(undefined, { services: { ui: generated.rpc({ confirm: ({ text }) => text === "Sure?" }) } });
    generated.connect(undefined, { services: { ui: rpc({ confirm: async () => true }), math: rpc() } });
  `;
  expect(compile({ "check.ts": check })).toBe("");
});

test.each([
  ["a wrong input", `connect().math.add({ a: "1", b: 2 })`, /'string' is not assignable to type 'number'/],
  ["no input", `connect().math.add()`, /Expected 1-2 arguments/],
  ["a procedure that there is not", `connect().math.sub(1)`, /Property 'sub' does not exist/],
  ["a service that there is not", `connect().other`, /Property 'other' does not exist/],
  ["a wrong answer", `connect("", { services: { ui: rpc({ confirm: () => 1 }) } })`, /'number' is not assignable/],
  ["a half for another service", `connect("", { services: { clock: rpc() } })`, /is not assignable/],
  ["a half for a service that there is not", `connect("", { services: { other: rpc() } })`, /'other' does not exist/],
  ["a wrong option", `connect("", { timeout: "1 s" })`, /'string' is not assignable/],
  ["what the module does not export", `connectTo("")`, /no exported member|Cannot find name/],
])("%s is an error", (_, usage, message) => {
  const check = `import { connect, rpc } from "./client.js"; void [connect, rpc];\n${usage};\n`;
  expect(() => compile({ "check.ts": check })).toThrow(message);
});

test("another name, another module and another name for the package can be had", () => {
  const options: ClientTypesOptions = { from: `./a"b.ts`, name: "Chat$", package: "jsr:@prismrt/prism" };
  const text = writeClientTypes(options);
  expect(text).toContain(`import type { Chat$ } from "./a\\"b.ts";`);
  expect(text).toContain(`from "jsr:@prismrt/prism/client";`);
  expect(text).toContain(`Client<Chat$, DefaultNames<Chat$>, DefaultHalves<Chat$, DefaultNames<Chat$>>>`);
});

test.each(["", "a b", "1a", "A; declare const b: 1", "A.B"])("%j is no type's name", (name) => {
  expect(() => writeClientTypes({ from: "./app.ts", name })).toThrow(TypeError);
});
