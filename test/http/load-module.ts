import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** Imports a text as a module. */
export async function loadModule<T>(text: string): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "prism-module-"));
  try {
    const file = join(folder, "module.mjs");
    writeFileSync(file, text);
    return (await import(/* @vite-ignore */ pathToFileURL(file).href)) as T;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
