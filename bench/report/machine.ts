import { existsSync, readFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { fileURLToPath } from "node:url";
import { type RuntimeName, runtimeVersions } from "../../test/support/runtimes.ts";
import type { Machine } from "../harness/section.ts";

const names: Readonly<Record<RuntimeName, string>> = {
  node20: "Node",
  nodeCurrent: "Node (current)",
  bun: "Bun",
  deno: "Deno",
};
const root = new URL("../../", import.meta.url);

/** What this run is made on. Host names, and what providers append to the kernel's version, are left out. */
export function readMachine(): Machine {
  const versions: Record<string, string> = {};
  for (const { name, version } of runtimeVersions()) versions[names[name]] = version;
  for (const [name, version] of readPackages()) versions[name] = version;
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? "unknown processor",
    cores: all.length,
    memory: totalmem(),
    kernel: `${type()} ${/^\d+\.\d+(\.\d+)?/.exec(release())?.[0] ?? ""}`.trim(),
    versions,
  };
}

function* readPackages(): Generator<[name: string, version: string]> {
  yield ["ws", readJson("node_modules/ws/package.json").version];
  yield ["valibot", readJson("node_modules/valibot/package.json").version];
  yield ["typescript", readJson("node_modules/typescript/package.json").version];
  yield ["esbuild", readJson("node_modules/esbuild/package.json").version];
  for (const folder of ["bench/peers", "bench/size"]) {
    for (const name of Object.keys(readJson(`${folder}/package.json`).dependencies ?? {})) {
      const path = `${folder}/node_modules/${name}/package.json`;
      if (existsSync(fileURLToPath(new URL(path, root)))) yield [name, readJson(path).version];
    }
  }
}

interface Manifest {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

function readJson(path: string): Manifest {
  return JSON.parse(readFileSync(new URL(path, root), "utf8")) as Manifest;
}
