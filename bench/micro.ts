// Starts bench/micro/steps.ts on Node, compiled, with a heap so large that nothing is collected while bytes are counted.
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { compile } from "./harness/compile.ts";
import { roomy } from "./micro/allocation.ts";

const path = fileURLToPath(new URL("micro/steps.ts", import.meta.url));
const args = [...roomy, compile(path), ...process.argv.slice(2)];
process.exitCode = spawnSync(process.execPath, args, { stdio: "inherit" }).status ?? 1;
