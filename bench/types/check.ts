import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { TypedApp } from "./apps.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** What type-checking cost. */
export interface Cost {
  /** Types made of generic ones: the same on every machine. */
  readonly instantiations: number;
  /** In s, which is the machine's. */
  readonly seconds: number;
}

/** Checks apps against the declarations that each library publishes, Prism's built for it. */
export class TypeBench {
  readonly #folder: string;

  /** @throws {Error} Prism's declarations cannot be built */
  constructor() {
    // Where the peers' packages are found from.
    const packages = `${root}bench/size/node_modules/`;
    mkdirSync(packages, { recursive: true });
    this.#folder = mkdtempSync(`${packages}.types-`);
    const prism = `${this.#folder}/node_modules/@prismrt/prism`;
    mkdirSync(prism, { recursive: true });
    copyFileSync(`${root}package.json`, `${prism}/package.json`);
    tsc("-p", `${root}tsconfig.build.json`, "--emitDeclarationOnly", "--outDir", `${prism}/dist`);
    writeFileSync(`${this.#folder}/package.json`, JSON.stringify({ type: "module" }));
    const compilerOptions = {
      lib: ["es2023", "dom", "dom.iterable", "dom.asynciterable"],
      isolatedDeclarations: false,
      declaration: false,
      rewriteRelativeImportExtensions: false,
      types: ["node"],
      typeRoots: [`${root}node_modules/@types`],
    };
    const config = { extends: `${root}tsconfig.base.json`, compilerOptions, files: ["client.ts", "server.ts"] };
    writeFileSync(`${this.#folder}/tsconfig.json`, JSON.stringify(config));
  }

  /** @throws {Error} The app has errors: what is compared must be right */
  check({ server, client }: Pick<TypedApp, "server" | "client">): Cost {
    writeFileSync(`${this.#folder}/server.ts`, server);
    writeFileSync(`${this.#folder}/client.ts`, client);
    const shown = tsc("-p", this.#folder, "--extendedDiagnostics", "--singleThreaded");
    const read = (what: RegExp): number => {
      const value = what.exec(shown)?.[1];
      if (value === undefined) throw new Error(`tsc does not tell ${what}:\n${shown}`);
      return Number(value);
    };
    return { instantiations: read(/^Instantiations:\s+(\d+)/m), seconds: read(/^Total time:\s+([\d.]+)s/m) };
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function tsc(...args: string[]): string {
  const path = `${root}node_modules/typescript/bin/tsc`;
  const { status, stdout } = spawnSync(process.execPath, [path, ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(`tsc ${args.join(" ")} fails:\n${stdout.slice(0, 4_000)}`);
  return stdout;
}
