import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { parseSync, Visitor } from "oxc-parser";
import { root } from "../support/runtimes.ts";

/** What each file imports: paths from the root for what is relative, specifiers as written for the rest. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** The library's own files, paths from the root, sorted; tests, examples and the core's list of globals are not. */
export function sourceFiles(): string[] {
  const under = (folder: string): string[] =>
    readdirSync(root + folder, { recursive: true, encoding: "utf8" }).map((file) => posix.join(folder, file));
  return [...readdirSync(root), ...under("adapters"), ...under("src")]
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts") && !file.endsWith(".config.ts"))
    .toSorted();
}

/** Everything that a file imports or re-exports: statically, dynamically, for its types, and in `import("…").Type`. */
export function importsOf(path: string, text: string): string[] {
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`Cannot parse ${path}: ${errors[0]?.message}`);
  const found = new Set<string>();
  const add = (source: unknown): void => {
    const value = (source as { value?: unknown } | null)?.value;
    if (typeof value === "string") {
      found.add(value.startsWith(".") ? posix.normalize(posix.join(posix.dirname(path), value)) : value);
    }
  };
  new Visitor({
    ImportDeclaration: (node) => add(node.source),
    ExportNamedDeclaration: (node) => add(node.source),
    ExportAllDeclaration: (node) => add(node.source),
    ImportExpression: (node) => add(node.source),
    TSImportType: (node) => add(node.source),
  }).visit(program);
  return [...found];
}

/** The graph of the library as it stands. */
export function readGraph(): ImportGraph {
  return new Map(sourceFiles().map((file) => [file, importsOf(file, readFileSync(root + file, "utf8"))]));
}
