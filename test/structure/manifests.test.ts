import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { root } from "../support/runtimes.ts";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
}

interface NodeManifest extends Omit<Manifest, "exports"> {
  readonly exports: Readonly<Record<string, { readonly types: string; readonly default: string } | string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

const read = <T>(file: string): T => JSON.parse(readFileSync(root + file, "utf8")) as T;
const node = read<NodeManifest>("package.json");
const deno = read<Manifest & { readonly imports: Readonly<Record<string, string>>; readonly publish: unknown }>(
  "deno.json",
);
const jsr = read<Manifest & { readonly publish: unknown }>("jsr.json");

describe("package.json, deno.json and jsr.json", () => {
  test("name the same package", () => {
    const identity = ({ name, version, license }: Omit<Manifest, "exports">): object => ({ name, version, license });
    expect(identity(deno)).toEqual(identity(node));
    expect(identity(jsr)).toEqual(identity(node));
  });

  test("export the same", () => {
    const { "./package.json": _, ...entries } = node.exports;
    const built = Object.entries(deno.exports).map(([entry, source]) => {
      const target = source.replace("./", "./dist/").replace(/\.ts$/, "");
      return [entry, { types: `${target}.d.ts`, default: `${target}.js` }];
    });
    expect(entries).toEqual(Object.fromEntries(built));
    expect(jsr.exports).toEqual(deno.exports);
    expect(jsr.publish).toEqual(deno.publish);
  });

  test("agree on the versions of what is imported", () => {
    const ranges = { ...node.dependencies, ...node.peerDependencies };
    const expected = Object.entries(ranges).map(([name, range]) => [name, `npm:${name}@${range}`]);
    expect(deno.imports).toEqual(Object.fromEntries(expected));
  });

  test("are named in the changelog", () => {
    expect(readFileSync(`${root}CHANGELOG.md`, "utf8")).toContain(`## ${node.version}`);
  });
});

test.each(Object.entries(deno.exports))("%s is there: %s", (_, source) => {
  expect(existsSync(root + source)).toBe(true);
});

describe.each([
  "package-lock.json",
  "test/runtimes/package-lock.json",
  "bench/peers/package-lock.json",
  "bench/size/package-lock.json",
])("%s", (file) => {
  interface Locked {
    readonly optionalDependencies?: Readonly<Record<string, string>>;
    readonly resolved?: string;
  }
  const locked = Object.entries(read<{ packages: Record<string, Locked> }>(file).packages);
  const paths = new Set(locked.map(([path]) => path));

  test("names no registry", () => {
    expect(locked.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  });

  // npm leaves out, without a word, what a registry lacks for some other platform, and `npm ci` then refuses the file.
  test("holds every platform's binaries", () => {
    const missing = locked.flatMap(([path, { optionalDependencies }]) =>
      Object.keys(optionalDependencies ?? {}).filter(
        (name) => !paths.has(`node_modules/${name}`) && !paths.has(`${path}/node_modules/${name}`),
      ),
    );
    expect(missing).toEqual([]);
  });
});
