import { spawn } from "node:child_process";
import process from "node:process";
import { LOAD_CORE } from "./server.ts";

/** Says to a process that it is the pinned one. */
const MARK = "PRISM_BENCH_PINNED";

/** Whether this process is on the generator's core, with files enough for thousands of sockets. */
export function isPinned(): boolean {
  if (process.env[MARK] !== "1") return false;
  // Servers are ended when this process exits, and a signal alone is no exit.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  return true;
}

/**
 * Runs this process once more, with the same arguments, pinned to the generator's core.
 *
 * @returns its exit code
 */
export function runPinned(): Promise<number> {
  const [file = "", ...args] = process.argv.slice(1);
  // As many files as the system gives: 10,000 sockets need more than is usual.
  const script = `ulimit -n "$(ulimit -Hn)" && exec taskset -c ${LOAD_CORE} "$@"`;
  const command = [process.execPath, ...process.execArgv, file, ...args];
  const child = spawn("sh", ["-c", script, "sh", ...command], {
    stdio: "inherit",
    env: { ...process.env, [MARK]: "1" },
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}
