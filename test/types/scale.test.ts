import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { root } from "../support/runtimes.ts";

/*
 * What an app costs whoever type-checks it, and what an editor shows of it. Declarations are written the way hovers are,
 * so they stand for them here.
 */

const services = 10;
const procedures = 20;

function check(name: string, files: Record<string, string>, ...args: string[]): { folder: string; output: string } {
  const folder = `${root}test-output/types-${name}`;
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(`${folder}/${file}`, text);
  const compilerOptions = {
    allowImportingTsExtensions: true,
    isolatedDeclarations: false,
    noErrorTruncation: true,
    rewriteRelativeImportExtensions: false,
    types: ["node"],
  };
  const config = { extends: "../../tsconfig.base.json", compilerOptions, include: ["*.ts"], exclude: ["out"] };
  writeFileSync(`${folder}/tsconfig.json`, JSON.stringify(config));
  const tsc = [`${root}node_modules/typescript/bin/tsc`, "-p", folder, ...args];
  const { status, stdout } = spawnSync(process.execPath, tsc, { encoding: "utf8" });
  expect(status, stdout).toBe(0);
  return { folder, output: stdout };
}

const imports = `
import * as v from "valibot";
import { prism } from "../../mod.ts";
import { connect } from "../../src/client/connect.ts";
import { rpc as rpcHalf } from "../../src/services/rpc/client.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";
`;

function times<T>(count: number, make: (at: number) => T): T[] {
  return Array.from({ length: count }, (_, at) => make(at));
}

describe(`an app of ${services * procedures} procedures and its client`, () => {
  test("type-checks in under 3 s", () => {
    const one = (at: number): string => `
      p${at}: procedure(
        v.object({ id: v.number(), name: v.string(), tags: v.array(v.string()), n${at}: v.optional(v.number()) }),
        ({ id, name }) => ({ id, name, at: new Date(), nested: { ok: true, list: [id] } }),
      ),`;
    const app = `${imports}
      ${times(services, (at) => `const group${at} = { ${times(procedures, one).join("")} };`).join("\n")}
      export const app = prism()${times(services, (at) => `.service("s${at}", rpc(group${at}))`).join("")};
      export type App = typeof app;
      const halves = { ${times(services, (at) => `s${at}: rpcHalf()`).join(", ")} };
      export const client = connect<App>("ws://localhost", { services: halves });`;
    const use = (service: number) => (at: number) =>
      `
      const r${at} = await client.s${service}.p${at}({ id: 1, name: "a", tags: [] });
      const at${at}: string = r${at}.at;
      console.log(at${at}, r${at}.nested.list satisfies number[]);`;
    const calls = times(
      services,
      (at) => `async function use${at}() { ${times(procedures, use(at)).join("")} } void use${at};`,
    );
    const client = `import { client } from "./app.ts";\n${calls.join("\n")}`;
    const { output } = check("scale", { "app.ts": app, "client.ts": client }, "--noEmit", "--extendedDiagnostics");
    const seconds = Number(/Total time:\s+([\d.]+)s/.exec(output)?.[1]);
    const instantiations = Number(/Instantiations:\s+(\d+)/.exec(output)?.[1]);
    console.log(`${services * procedures} procedures: ${instantiations} instantiations, ${seconds} s`);
    expect(seconds).toBeLessThan(3);
    // The count does not depend on the machine; well over half of it is valibot's.
    expect(instantiations).toBeLessThan(260_000);
  });
});

describe("an editor shows", () => {
  let shown = "";
  beforeAll(() => {
    const app = `${imports}
      const app = prism().service("math", rpc({
        add: procedure(v.object({ a: v.number(), b: v.number() }), ({ a, b }) => ({ sum: a + b, at: new Date() })),
        count: procedure(v.number(), async function* (to) { yield to; return "done"; }),
        save: procedure({ input: v.string(), items: v.number() }, (name) => ({ name })),
        ping: procedure(() => true),
      }));
      type App = typeof app;
      const client = connect<App>("ws://localhost", { services: { math: rpcHalf() } });
      export const { add, count, save, ping } = client.math;
      export const added = client.math.add({ a: 1, b: 2 });
      export const { math } = client;`;
    const { folder } = check(
      "hover",
      { "app.ts": app },
      "--declaration",
      "--emitDeclarationOnly",
      "--noEmit",
      "false",
      "--outDir",
      `${root}test-output/types-hover/out`,
      "--rootDir",
      root,
    );
    const text = readFileSync(`${folder}/out/test-output/types-hover/app.d.ts`, "utf8");
    shown = text.replaceAll(/import\("[^"]+"\)\./g, "").replaceAll(/\s+/g, " ");
  });

  test.each([
    "add: (input: { a: number; b: number; }, options?: RpcOptions) => Call<{ sum: number; at: string; }, never>",
    "count: (input: number, options?: RpcOptions) => Call<string, number>",
    "save: (input: string, items: ItemSource<number>, options?: RpcOptions) => Call<{ name: string; }, never>",
    "ping: (input?: undefined, options?: RpcOptions) => Call<boolean, never>",
    "added: Call<{ sum: number; at: string; }, never>",
    "math: { readonly add: (input:",
  ])("%s", (type) => {
    expect(shown).toContain(type);
  });
});
