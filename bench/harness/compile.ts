import { existsSync, mkdirSync, rmSync } from "node:fs";
import { basename, dirname, extname } from "node:path";
import process from "node:process";
import { buildSync } from "esbuild";

const compiled = new Map<string, string>();

/**
 * Compiles a server for Node as an app is for deployment, packages left outside. A loader at run time would weigh on what
 * is measured: it holds memory, and names each closure that is made.
 *
 * @param file the server
 * @returns what to run; it is gone when this process is
 */
export function compile(file: string): string {
  let outfile = compiled.get(file);
  if (outfile !== undefined) return outfile;
  const folder = `${findPackages(dirname(file))}/.bench`;
  mkdirSync(folder, { recursive: true });
  outfile = `${folder}/${basename(file, extname(file))}-${process.pid}.mjs`;
  buildSync({
    entryPoints: [file],
    outfile,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "error",
  });
  compiled.set(file, outfile);
  return outfile;
}

/** The folder of packages that a file of this folder imports from: there the compiled file finds them, too. */
function findPackages(folder: string): string {
  const packages = `${folder}/node_modules`;
  if (existsSync(packages)) return packages;
  const above = dirname(folder);
  if (above === folder) throw new Error("There are no packages: npm install");
  return findPackages(above);
}

process.once("exit", () => {
  for (const file of compiled.values()) rmSync(file, { force: true });
});
