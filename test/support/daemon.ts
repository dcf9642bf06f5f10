// What the programs that tests start of the system have in common: a process and a folder of its own, both gone in the end.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** How long anything may take, in ms. */
const PATIENCE = 10_000;
/** Most lines that are kept of what one wrote. */
const MOST_LINES = 1_000;

/** A folder that is gone with the tests at the latest. */
export interface Folder {
  readonly path: string;
  remove(): void;
}

/** What to start. */
export interface DaemonOptions {
  /** What it is, for what is said when it does not run. */
  readonly what: string;
  readonly path: string;
  readonly args: readonly string[];
  /** The name that it is started with, where that is another than its path. */
  readonly name?: string;
  /** When it is ready: once it has written this, or once this resolves. */
  readonly ready: string | (() => Promise<void>);
  /** Told of each line that it writes. */
  readonly hear?: (line: string) => void;
}

/** A program in a process of its own. */
export interface Daemon {
  readonly pid: number;
  /** Halts the process: its sockets stay open, and nothing is answered. */
  pause(): void;
  /** Lets it go on. */
  resume(): void;
  /** Resolves when `coming` does; fails, and says `late`, where the program ends before, or 10 s are over. */
  inTime(coming: Promise<void>, late: string): Promise<void>;
  /** Ends it; resolves when it is gone. */
  kill(): Promise<void>;
}

const running = new Set<ChildProcess>();
const folders = new Set<string>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

/** Makes a folder for what one of them keeps. */
export function makeFolder(name: string): Folder {
  const path = mkdtempSync(join(tmpdir(), `prism-${name}-`));
  folders.add(path);
  return {
    path,
    remove() {
      rmSync(path, { recursive: true, force: true });
      folders.delete(path);
    },
  };
}

/**
 * Starts a program, and waits until it is ready.
 *
 * @throws {Error} It ended, or was not ready within 10 s; the message carries what it wrote.
 */
export async function startDaemon({ what, path, args, name, ready, hear }: DaemonOptions): Promise<Daemon> {
  const child = spawn(path, args, { argv0: name, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  const exited = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(`it ended with ${code ?? signal}`));
  });
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
    running.delete(child);
  };

  const said: string[] = [];
  const inTime = async (coming: Promise<void>, late: string): Promise<void> => {
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<string>((resolve) => {
      timer = setTimeout(resolve, PATIENCE, `not after ${PATIENCE / 1_000} s`);
    });
    const problem = await Promise.race([coming, exited, over]);
    clearTimeout(timer);
    if (typeof problem === "string") throw new Error(`${late}: ${[problem, ...said].join("\n")}`);
  };

  const written = new Promise<void>((resolve) => {
    // Read to the end, so that its output never fills up.
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on("line", (line) => {
        if (said.push(line) > MOST_LINES) said.shift();
        if (typeof ready === "string" && line.includes(ready)) resolve();
        hear?.(line);
      });
    }
  });
  try {
    await inTime(typeof ready === "string" ? written : ready(), `${what} does not run from ${path}`);
  } catch (error) {
    await kill();
    throw error;
  }
  return {
    pid: child.pid ?? -1,
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    inTime,
    kill,
  };
}
