import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { root, runtimeArgs, type RuntimeName, runtimes } from "../../test/support/runtimes.ts";
import { compile } from "./compile.ts";

/** The cores: what is measured has one to itself, and who measures the other. */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

/** What is started. */
export interface ServerOptions {
  readonly runtime: RuntimeName;
  /** The file, from `bench/`. */
  readonly file: string;
  readonly args?: readonly string[];
  /** Flags for the runtime itself. */
  readonly flags?: readonly string[];
  /** Where it runs, if it is not what is measured. */
  readonly core?: number;
}

/** A server under measurement, alone on its core. */
export interface Server {
  readonly port: number;
  readonly pid: number;
  /** The time that it has been at work so far, in ms, that of all its threads. */
  cpu(): number;
  /** The memory that it holds, in bytes, as the system counts it. */
  rss(): number;
  /**
   * Writes a word to its standard input, and resolves with the number behind the same word on its standard output.
   *
   * @throws {Error} It ended, or did not answer within 20 s.
   */
  ask(word: string): Promise<number>;
  /** Ends it at once; resolves when it is gone. */
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Ticks of the system's clock a second, in which it counts what a process has worked. */
const TICKS = 100;
const WITHIN = 20_000;

/**
 * Starts a server, which says `ready <port>` when it listens.
 *
 * @throws {Error} It ended, or said nothing within 20 s; the message carries what it wrote.
 */
export async function startServer({
  runtime,
  file,
  args = [],
  flags = [],
  core = SERVER_CORE,
}: ServerOptions): Promise<Server> {
  const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
  const isNode = runtime === "node20" || runtime === "nodeCurrent";
  const [first = "", ...rest] = isNode ? [compile(path), ...args] : runtimeArgs(runtime, path, args);
  // Bun and Deno take flags behind the word `run`.
  const command = [runtimes[runtime], ...(isNode ? [...flags, first] : [first, ...flags]), ...rest];
  // Thousands of sockets are files, too.
  const child = spawn("sh", ["-c", `ulimit -n 65535; exec taskset -c ${core} "$@"`, "sh", ...command], {
    cwd: root,
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, NODE_ENV: "production", NO_COLOR: "1" },
  });
  running.add(child);
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors = (errors + text).slice(-4_000)));
  child.stdin.on("error", () => {});
  const gone = new Promise<void>((resolve) => {
    child.once("close", () => {
      running.delete(child);
      resolve();
    });
  });
  const lines = createInterface({ input: child.stdout });
  const hear = (word: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const end = (run: () => void): void => {
        clearTimeout(timer);
        lines.off("line", take);
        run();
      };
      const take = (line: string): void => {
        const [first, value] = line.split(" ");
        if (first === word) end(() => resolve(Number(value)));
      };
      const fail = (how: string): void =>
        end(() => reject(new Error(`${runtime} ${file} ${how}, waited for "${word}"\n${errors}`)));
      const timer = setTimeout(() => fail(`said nothing for ${WITHIN} ms`), WITHIN);
      lines.on("line", take);
      void gone.then(() => fail("ended"));
    });
  const port = await hear("ready");
  const pid = child.pid!;
  return {
    port,
    pid,
    cpu() {
      // proc(5): the 14th and 15th field; the second is a name in brackets, which may hold blanks.
      const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]!.split(" ");
      return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS;
    },
    rss: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))![1]) * 1_024,
    ask(word) {
      const answer = hear(word);
      child.stdin.write(`${word}\n`);
      return answer;
    },
    async stop() {
      child.kill("SIGKILL");
      await gone;
    },
  };
}
