import { readFile } from "node:fs/promises";
import { build, type Plugin } from "esbuild";
import { root } from "../support/runtimes.ts";

/** A defect to put into the shipped code: one text of one file in place of another. */
export interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Puts a mutant's text in place. Throws where what it replaces is not there just once. */
export function mutate(text: string, { name, file, from, to }: Mutant): string {
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`Mutant "${name}": ${file} has its text ${parts.length - 1} times`);
  return parts.join(to);
}

/**
 * Makes one module of the simulation and all that it imports, so that a worker can run it.
 *
 * @param mutant a defect to put in; none where it is the shipped code
 * @returns the module's path
 */
export async function bundle(mutant?: Mutant): Promise<string> {
  const plugin = (one: Mutant): Plugin => ({
    name: "mutant",
    setup: (plugins) => {
      const filter = new RegExp(`/${one.file.replaceAll(".", "\\.")}$`);
      plugins.onLoad({ filter }, async ({ path }) => ({
        contents: mutate(await readFile(path, "utf8"), one),
        loader: "ts",
      }));
    },
  });
  const outfile = `${root}test-output/simulation/${(mutant?.name ?? "shipped").replaceAll(/\W+/g, "-")}.mjs`;
  await build({
    entryPoints: [`${root}test/simulation/campaign.ts`],
    plugins: mutant === undefined ? [] : [plugin(mutant)],
    outfile,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: "inline",
    logLevel: "silent",
  });
  return outfile;
}
