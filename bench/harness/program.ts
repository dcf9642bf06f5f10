import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { root, runtimeArgs, runtimes } from "../../test/support/runtimes.ts";
import { compile } from "./compile.ts";
import { SERVER_CORE, type ServerOptions } from "./server.ts";

const run = promisify(execFile);

/**
 * Runs a program to its end, alone on the server's core.
 *
 * @returns the JSON that is the last line of what it wrote
 * @throws {Error} It failed, or was not done within two minutes; the message carries what it wrote.
 */
export async function runProgram<Result>({ runtime, file, args = [] }: ServerOptions): Promise<Result> {
  const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
  const isNode = runtime === "node20" || runtime === "nodeCurrent";
  const command = [runtimes[runtime], ...(isNode ? [compile(path), ...args] : runtimeArgs(runtime, path, args))];
  const { stdout } = await run("taskset", ["-c", String(SERVER_CORE), ...command], {
    cwd: root,
    timeout: 120_000,
    killSignal: "SIGKILL",
    env: { ...process.env, NODE_ENV: "production", NO_COLOR: "1" },
  });
  return JSON.parse(stdout.trimEnd().split("\n").at(-1)!) as Result;
}
