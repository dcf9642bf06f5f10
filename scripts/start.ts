// `npm start -- --runtime node|bun|deno --example dashboard|express|cluster`: an example on the runtime of your choice, the
// dashboard on Node where nothing is said; other options go to it. One with a `main.ts` runs on several runtimes at once,
// and starts them itself.
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { root, runtimeArgs, type RuntimeName, runtimes } from "../test/support/runtimes.ts";

const names: ReadonlyMap<string, RuntimeName> = new Map([
  ["node", "node20"],
  ["bun", "bun"],
  ["deno", "deno"],
]);

const args = process.argv.slice(2);

/** Takes an option out of the arguments. */
function take(option: string, fallback: string): string {
  const at = args.findIndex((arg) => arg === option || arg.startsWith(`${option}=`));
  if (at < 0) return fallback;
  const inline = args[at]?.split("=")[1];
  const value = inline ?? args[at + 1] ?? "";
  args.splice(at, inline === undefined ? 2 : 1);
  return value;
}

/** Says what can be chosen instead. */
function refuse(what: string, choices: Iterable<string>): never {
  console.error(`${what}: choose one of ${[...choices].join(", ")}`);
  process.exit(1);
}

const chosen = take("--runtime", "");
const wanted = chosen || "node";
const example = take("--example", "dashboard");
const name = names.get(wanted) ?? refuse(`Unknown runtime "${wanted}"`, names.keys());
const examples = readdirSync(`${root}examples`).toSorted();
if (!examples.includes(example)) refuse(`Unknown example "${example}"`, examples);
const mainOf = (runtime: string): string => `${root}examples/${example}/main.${runtime}.ts`;
const several = `${root}examples/${example}/main.ts`;
const file = existsSync(several) ? several : mainOf(wanted);
if (file === several && chosen !== "") {
  console.error(`The example "${example}" runs on several runtimes at once: leave --runtime out`);
  process.exit(1);
}
if (!existsSync(file)) {
  const others = [...names.keys()].filter((runtime) => existsSync(mainOf(runtime)));
  refuse(`The example "${example}" does not run on ${wanted}`, others);
}
const child = spawn(runtimes[name], runtimeArgs(name, file, args), { cwd: root, stdio: "inherit" });
// The child closes its connections and ends, and this process with it. A terminal's Ctrl+C reaches the child twice.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error(`Cannot start ${wanted}: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" || signal === "SIGTERM" ? 0 : 1)));
