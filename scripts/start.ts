// `npm start -- --runtime node|bun|deno`: the dashboard on the runtime of your choice; other options go to it.
import { spawn } from "node:child_process";
import { root, runtimeArgs, type RuntimeName, runtimes } from "../test/support/runtimes.ts";

const names: ReadonlyMap<string, RuntimeName> = new Map([
  ["node", "node20"],
  ["bun", "bun"],
  ["deno", "deno"],
]);

const args = process.argv.slice(2);
let wanted = "node";
const at = args.findIndex((arg) => arg === "--runtime" || arg.startsWith("--runtime="));
if (at >= 0) {
  const inline = args[at]?.split("=")[1];
  wanted = inline ?? args[at + 1] ?? "";
  args.splice(at, inline === undefined ? 2 : 1);
}

const name = names.get(wanted);
if (!name) {
  console.error(`Unknown runtime "${wanted}": choose one of ${[...names.keys()].join(", ")}`);
  process.exit(1);
}

const file = `${root}examples/dashboard/main.${wanted}.ts`;
const child = spawn(runtimes[name], runtimeArgs(name, file, args), { cwd: root, stdio: "inherit" });
// The child closes its connections and ends, and this process with it. A terminal's Ctrl+C reaches the child twice.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error(`Cannot start ${wanted}: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" || signal === "SIGTERM" ? 0 : 1)));
