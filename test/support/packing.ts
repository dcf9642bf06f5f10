import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, runtimes } from "./runtimes.ts";

/** The folders that `emptyFolder` made, and nobody has removed. */
const made = new Set<string>();

/** A new empty folder outside the repository, so that nothing is found by looking further up. */
export function emptyFolder(name: string): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), `prism-${name}-`)));
  made.add(folder);
  return folder;
}

/**
 * Runs a command to its end and returns what it wrote.
 *
 * @throws {Error} It failed; the message carries what it wrote.
 */
export function run(cwd: string, command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined },
  });
  if (status !== 0) {
    throw new Error([`${command} ${args.join(" ")} failed`, error?.message, stdout, stderr].filter(Boolean).join("\n"));
  }
  return stdout + stderr;
}

/** Runs a command of the repository's own tools. */
export function tool(cwd: string, name: "attw" | "deno" | "publint" | "tsc", args: readonly string[]): string {
  return run(cwd, name === "deno" ? runtimes.deno : `${root}node_modules/.bin/${name}`, args);
}

/** Packs a folder as npm would publish it; returns the tarball's path. */
export function pack(folder: string): string {
  run(folder, "npm", ["pack", "--ignore-scripts", "--silent"]);
  const tarball = readdirSync(folder).find((file) => file.endsWith(".tgz"));
  if (!tarball) throw new Error(`npm pack wrote nothing into ${folder}`);
  return join(folder, tarball);
}

/** Builds the library apart from the repository's own `dist`, which other tests may read, and packs it. */
export function packLibrary(): string {
  const folder = emptyFolder("packed");
  tool(root, "tsc", ["-p", "tsconfig.build.json", "--outDir", join(folder, "dist")]);
  for (const file of readdirSync(root)) {
    if (/^(package\.json|LICENSE|.+\.md)$/.test(file)) cpSync(root + file, join(folder, file));
  }
  return pack(folder);
}

/** Installs tarballs and packages into a folder; what the repository has installed comes from npm's cache. */
export function install(folder: string, packages: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  run(folder, "npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", "--no-package-lock", ...packages]);
}

/** Removes the folders that `emptyFolder` made, and no others, however far a test got that failed. */
export function removeFolders(): void {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
  made.clear();
}
