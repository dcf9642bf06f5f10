import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The runtimes that the tests run on; `node20` is the Node that runs the tests. */
export type RuntimeName = "node20" | "nodeCurrent" | "bun" | "deno";

export const root: string = fileURLToPath(new URL("../..", import.meta.url));

export const runtimeNames: readonly RuntimeName[] = ["node20", "nodeCurrent", "bun", "deno"];

/** The path of each runtime's binary. */
export const runtimes: Readonly<Record<RuntimeName, string>> = {
  node20: process.execPath,
  nodeCurrent: `${root}test/runtimes/node_modules/node/bin/node`,
  bun: `${root}node_modules/.bin/bun`,
  deno: `${root}node_modules/.bin/deno`,
};

// Resolved here, so that a file may run in any working directory.
const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

/** The arguments with which a runtime runs a TypeScript file. */
export function runtimeArgs(name: RuntimeName, file: string, args: readonly string[] = []): string[] {
  if (name === "deno") return ["run", "--allow-all", "--no-check", "--quiet", file, ...args];
  if (name === "bun") return ["run", file, ...args];
  return ["--import", tsx, file, ...args];
}

/**
 * Asks each runtime for its version.
 *
 * @throws {Error} A runtime does not run, or the two Nodes are the same, as when another `node` took over the PATH.
 */
export function runtimeVersions(): { name: RuntimeName; version: string }[] {
  const versions = runtimeNames.map((name) => {
    const { stdout, error } = spawnSync(runtimes[name], ["--version"], { encoding: "utf8" });
    const version = /\d+\.\d+\.\d+/.exec(stdout ?? "")?.[0];
    if (!version) throw new Error(`${name} does not run from ${runtimes[name]}: ${error?.message ?? stdout}`);
    return { name, version };
  });
  const [running, current] = versions;
  if (running?.version === current?.version) {
    throw new Error(`The tests run on the same Node ${running?.version} that they should be compared with`);
  }
  return versions;
}

/** A process on one of the runtimes, read line by line. */
export interface RuntimeProcess {
  readonly name: RuntimeName;
  readonly pid: number;
  /** Resolves with the exit code, or with the signal that ended it. */
  readonly exited: Promise<number | string>;
  /** What it wrote to standard error so far. */
  readonly errors: () => string;
  /**
   * The next line of standard output that starts with `word`; lines before it are passed over.
   *
   * @throws {Error} It ended or `timeout` ms went by without such a line; the message carries what it wrote.
   */
  line(word: string, timeout?: number): Promise<string>;
  /** The lines before the next one that starts with `word`; fails as `line` does. */
  linesBefore(word: string, timeout?: number): Promise<string[]>;
  /** The JSON after `ready` on the line with which a fixture says that it listens. */
  ready<T>(timeout?: number): Promise<T>;
  /** Writes a line to its standard input. */
  write(line: string): void;
  /** Asks it to end, and after `grace` ms ends it; resolves when it is gone. */
  stop(grace?: number): Promise<number | string>;
}

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/**
 * Runs a TypeScript file on a runtime.
 *
 * @param name the runtime
 * @param file the file
 * @param args its arguments
 * @param env what is added to the environment
 * @param cwd where it runs
 * @param descriptors how many files and sockets it may have open; as many as this process where nothing is said
 */
export function spawnRuntime(
  name: RuntimeName,
  file: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  cwd: string = root,
  descriptors?: number,
): RuntimeProcess {
  const command = [runtimes[name], ...runtimeArgs(name, file, args)];
  // The shell gives way to the runtime, so that it is the same process.
  if (descriptors !== undefined) command.unshift("sh", "-c", `ulimit -n ${descriptors} && exec "$0" "$@"`);
  const child = spawn(command[0]!, command.slice(1), {
    cwd,
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  running.add(child);

  const unread: string[] = [];
  let errors = "";
  let ended: number | string | undefined;
  let wake = (): void => {};
  createInterface({ input: child.stdout }).on("line", (line) => {
    unread.push(line);
    wake();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  child.stdin.on("error", () => {});
  const exited = new Promise<number | string>((resolve) => {
    const end = (how: number | string): void => {
      running.delete(child);
      ended = how;
      wake();
      resolve(how);
    };
    child.once("error", (error) => end(error.message));
    child.once("close", (code, signal) => end(code ?? signal ?? "gone"));
  });

  async function read(word: string, timeout = 20_000): Promise<{ line: string; passed: string[] }> {
    const until = performance.now() + timeout;
    const passed: string[] = [];
    for (;;) {
      while (unread.length > 0) {
        const next = unread.shift() as string;
        if (next.startsWith(word)) return { line: next, passed };
        passed.push(next);
      }
      const left = until - performance.now();
      if (ended !== undefined || left <= 0) {
        const state = ended === undefined ? `said nothing for ${timeout} ms` : `ended with ${ended}`;
        throw new Error([`${name} ${file} ${state}, waited for "${word}"`, ...passed, errors].join("\n"));
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  const line = async (word: string, timeout?: number): Promise<string> => (await read(word, timeout)).line;
  return {
    name,
    pid: child.pid ?? -1,
    exited,
    errors: () => errors,
    line,
    linesBefore: async (word, timeout) => (await read(word, timeout)).passed,
    ready: async <T>(timeout?: number) => JSON.parse((await line("ready ", timeout)).slice("ready ".length)) as T,
    write: (text) => void child.stdin.write(`${text}\n`),
    async stop(grace = 5_000) {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), grace);
      const how = await exited;
      clearTimeout(timer);
      return how;
    },
  };
}
