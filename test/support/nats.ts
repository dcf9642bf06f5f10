import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { lastingPort } from "./ports.ts";

/** Where the NATS server is; `NATS_SERVER_PATH` says otherwise. */
export const natsServerPath: string = process.env["NATS_SERVER_PATH"] ?? "/usr/sbin/nats-server";

/** A NATS server with JetStream in a process of its own. */
export interface NatsServer {
  readonly port: number;
  readonly url: string;
  /** Of the process that runs now. */
  readonly pid: number;
  /** Halts the process: its sockets stay open, and nothing is answered. */
  pause(): void;
  /** Lets it go on. */
  resume(): void;
  /** Ends it; resolves when it is gone. What it has stored is still there for `restart`. */
  kill(): Promise<void>;
  /** Starts it again, on the same port, with what it has stored. */
  restart(): Promise<void>;
  /** Throws away what it has stored; only while it is gone. */
  forget(): void;
  /** Ends it, with all that it knows; resolves when it is gone. */
  stop(): Promise<void>;
}

const running = new Map<ChildProcess, string>();
process.once("exit", () => {
  for (const [child, folder] of running) {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
});

/**
 * Starts a NATS server on this machine.
 *
 * @param config more of its configuration
 * @throws {Error} It ended, or was not ready within 10 s; the message carries what it wrote.
 */
export async function startNats(config = "max_payload: 8MB"): Promise<NatsServer> {
  const port = await lastingPort();
  const folder = mkdtempSync(join(tmpdir(), "prism-nats-"));
  const store = join(folder, "store");
  const file = join(folder, "nats.conf");
  writeFileSync(file, `listen: "127.0.0.1:${port}"\njetstream { store_dir: ${JSON.stringify(store)} }\n${config}\n`);

  let child: ChildProcess | undefined;
  let exited: Promise<string> = Promise.resolve("");
  const kill = async (): Promise<void> => {
    child?.kill("SIGKILL");
    await exited;
    if (child) running.delete(child);
    child = undefined;
  };
  const forget = (): void => rmSync(store, { recursive: true, force: true });
  const stop = async (): Promise<void> => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  };
  const restart = async (): Promise<void> => {
    await kill();
    const started = spawn(natsServerPath, ["-c", file], { stdio: ["ignore", "pipe", "pipe"] });
    child = started;
    running.set(started, folder);
    exited = new Promise((resolve) => {
      started.once("error", (error) => resolve(error.message));
      started.once("close", (code, signal) => resolve(`it ended with ${code ?? signal}`));
    });
    const problem = await untilReady(started, exited);
    if (problem === undefined) return;
    await stop();
    throw new Error(`NATS does not run from ${natsServerPath}: ${problem}`);
  };

  await restart();
  return {
    port,
    url: `nats://127.0.0.1:${port}`,
    get pid() {
      return child?.pid ?? -1;
    },
    pause: () => void child?.kill("SIGSTOP"),
    resume: () => void child?.kill("SIGCONT"),
    kill,
    restart,
    forget,
    stop,
  };
}

/** Resolves once it takes connections, or with what is wrong. Goes on reading, so that its output never fills up. */
async function untilReady(child: ChildProcess, exited: Promise<string>): Promise<string | undefined> {
  const said: string[] = [];
  let timer: NodeJS.Timeout | undefined;
  const ready = new Promise<undefined>((resolve) => {
    for (const input of [child.stdout, child.stderr]) {
      if (!input) continue;
      createInterface({ input }).on("line", (line) => {
        if (timer) said.push(line);
        if (line.includes("Server is ready")) resolve(undefined);
      });
    }
  });
  const late = new Promise<string>((resolve) => (timer = setTimeout(resolve, 10_000, "it is not ready after 10 s")));
  const problem = await Promise.race([ready, exited, late]);
  clearTimeout(timer);
  timer = undefined;
  return problem === undefined ? undefined : [problem, ...said].join("\n");
}
