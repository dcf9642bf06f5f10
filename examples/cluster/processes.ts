/** The processes of the cluster: each is started, awaited, and ended by its own id. */
import { type ChildProcess, spawn } from "node:child_process";
import { connect } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";

/** What to start. */
export interface Program {
  /** What it is called in what is said of it. */
  readonly name: string;
  readonly path: string;
  readonly args: readonly string[];
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** The name that it is started with, where that is another than its path. */
  readonly argv0?: string;
  /** It is ready once it takes connections here. */
  readonly port: number;
}

/** One that runs. */
export interface Running {
  readonly pid: number;
  /** Resolves with what it ended with. */
  readonly exited: Promise<string>;
  /** Asks it to end, and after a while ends it; resolves when it is gone. */
  end(): Promise<void>;
}

/** How long one may take to be ready, and to end, in ms. */
const patience = { ready: 20_000, end: 15_000 };

const children = new Set<ChildProcess>();
// Whatever comes: nobody is left behind. Each leads a group of its own, in which Nginx' workers are.
process.once("exit", () => {
  for (const { pid } of children) if (pid !== undefined) process.kill(-pid, "SIGKILL");
});

/**
 * Starts a program, and waits until it takes connections.
 *
 * @throws {Error} It cannot be started, ends, or is not ready in time.
 */
export async function start({ name, path, args, env, argv0, port }: Program): Promise<Running> {
  const child = spawn(path, args, {
    argv0,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    // Ctrl+C reaches all of a terminal's processes at once. These are ended in their order.
    detached: true,
  });
  children.add(child);
  let over = false;
  const exited = new Promise<string>((resolve) => {
    const gone = (how: string): void => {
      over = true;
      children.delete(child);
      resolve(how);
    };
    child.once("error", (error) => gone(error.message));
    child.once("close", (code, signal) => gone(signal ?? `status ${code}`));
  });
  // What it says at first is told only if nothing comes of it.
  const said: string[] = [];
  let ready = false;
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on("line", (line) => {
      if (ready) console.log(`[${name}] ${line}`);
      else said.push(line);
    });
  }
  const end = async (): Promise<void> => {
    ready = false;
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), patience.end);
    await exited;
    clearTimeout(timer);
  };

  const until = performance.now() + patience.ready;
  while (!(await isTaken(port))) {
    if (!over && performance.now() < until) continue;
    await end();
    throw new Error(
      [`${name} does not run from ${path}: ${over ? await exited : "it is not ready"}`, ...said].join("\n"),
    );
  }
  ready = true;
  return { pid: child.pid ?? -1, exited, end };
}

/** Whether anybody takes connections on a port of this machine; asks for a moment. */
export async function isTaken(port: number): Promise<boolean> {
  const taken = await new Promise<boolean>((resolve) => {
    const tcp = connect(port, "127.0.0.1");
    tcp.once("connect", () => resolve(true)).once("error", () => resolve(false));
    tcp.once("connect", () => tcp.destroy());
  });
  if (!taken) await new Promise((resolve) => setTimeout(resolve, 20));
  return taken;
}
