/** The app's own build: the page's script, bundled with the client, and the files of the app and its services. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build as bundle } from "esbuild";
import { app } from "./app.ts";

const to = (file: string): string => fileURLToPath(new URL(`./dist/${file}`, import.meta.url));

/** Writes `dist/`, all that a page needs: nothing is loaded from below `/prism/`. */
export async function build(): Promise<void> {
  await bundle({
    entryPoints: [fileURLToPath(new URL("./page/page.ts", import.meta.url))],
    outfile: to("page.js"),
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
  });
  for (const { name, content } of app.assets()) {
    await mkdir(dirname(to(name)), { recursive: true });
    await writeFile(to(name), content);
  }
}
