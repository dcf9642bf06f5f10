import { readFileSync } from "node:fs";
import { type RuntimeName, root, runtimeVersions } from "../../test/support/runtimes.ts";
import type { System } from "./system.ts";

const titles: Readonly<Record<RuntimeName, string>> = {
  node20: "Node",
  nodeCurrent: "Node",
  bun: "Bun",
  deno: "Deno",
};
let runtimeLabels: ReadonlyMap<RuntimeName, string> | undefined;

/** A runtime and its version. */
export function runtimeLabel(runtime: RuntimeName): string {
  runtimeLabels ??= new Map(runtimeVersions().map(({ name, version }) => [name, `${titles[name]} ${version}`]));
  return runtimeLabels.get(runtime)!;
}

/** What a row is called: the system, whether a schema checks its input, and its runtime with the version. */
export function label(system: System): string {
  return `${system.name}${system.schema && !system.name.includes("schema") ? ", schema" : ""} · ${runtimeLabel(system.runtime)}`;
}

/** Packages whose versions the results name, and where they are installed. */
const packages: readonly (readonly [name: string, folder: string])[] = [
  ["ws", "node_modules"],
  ["@hono/node-server", "node_modules"],
  ["valibot", "node_modules"],
  ["socket.io", "bench/peers/node_modules"],
  ["@trpc/server", "bench/peers/node_modules"],
  ["@orpc/server", "bench/peers/node_modules"],
  ["crossws", "bench/peers/node_modules"],
  ["hono", "bench/peers/node_modules"],
  ["@hono/node-ws", "bench/peers/node_modules"],
];

/** The versions of what is measured, as a sentence's list. */
export function packageVersions(): string {
  return packages
    .map(([name, folder]) => {
      const { version } = JSON.parse(readFileSync(`${root}${folder}/${name}/package.json`, "utf8")) as {
        version: string;
      };
      return `${name} ${version}`;
    })
    .join(", ");
}
