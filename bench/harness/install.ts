import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Folders with packages of their own: another Node, the peers that serve, and those whose clients are weighed. */
const folders = ["../../test/runtimes/", "../peers/", "../size/"];

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly version?: string; readonly dependencies?: Readonly<Record<string, string>> }>
  >;
}

/**
 * Installs what the benches compare with, where it is not there yet, or not in the version that the lock file names.
 *
 * @throws {Error} npm could not
 */
export function install(): void {
  for (const folder of folders) {
    const cwd = fileURLToPath(new URL(folder, import.meta.url));
    if (isInstalled(cwd)) continue;
    console.log(`$ npm ci, in ${cwd}`);
    const { status, error } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd, stdio: "inherit" });
    if (status !== 0) {
      throw new Error(`npm ci failed in ${cwd}${error ? `: ${error.message}` : ` with status ${status}`}`);
    }
  }
}

function isInstalled(folder: string): boolean {
  const there = `${folder}node_modules/.package-lock.json`;
  if (!existsSync(there)) return false;
  const [wanted, installed] = [`${folder}package-lock.json`, there].map((path) => {
    return (JSON.parse(readFileSync(path, "utf8")) as Lock).packages;
  });
  const names = Object.keys(wanted![""]?.dependencies ?? {}).map((name) => `node_modules/${name}`);
  return names.every((name) => wanted![name]?.version === installed![name]?.version);
}
