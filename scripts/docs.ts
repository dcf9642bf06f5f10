// Writes the API pages of every entry point to docs/api.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { root, runtimes } from "../test/support/runtimes.ts";

const manifest = JSON.parse(readFileSync(`${root}deno.json`, "utf8")) as { exports: Record<string, string> };
const args = ["doc", "--quiet", "--html", "--name=Prism", "--output=docs/api", ...Object.values(manifest.exports)];
mkdirSync(`${root}docs`, { recursive: true });
process.exit(spawnSync(runtimes.deno, args, { cwd: root, stdio: "inherit" }).status ?? 1);
