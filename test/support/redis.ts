import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "./ports.ts";

const debian = { server: "/usr/bin/redis-server", tools: "/usr/bin/redis-check-rdb" };

/**
 * Where the Redis server is; `REDIS_SERVER_PATH` says otherwise. Debian's `redis-tools` brings the server without its
 * service, under the name `redis-check-rdb`: the program is the same, and looks at the name that it is started with.
 */
export const redisServerPath: string =
  process.env["REDIS_SERVER_PATH"] ?? (existsSync(debian.server) ? debian.server : debian.tools);

/** A Redis server in a process of its own, which keeps everything in memory. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  /** Halts the process: its sockets stay open, and nothing is answered. */
  pause(): void;
  /** Lets it go on. */
  resume(): void;
  /** Ends it, with all that it knows; resolves when it is gone. */
  stop(): Promise<void>;
}

const running = new Map<ChildProcess, string>();
process.once("exit", () => {
  for (const [child, folder] of running) end(child, folder);
});

function end(child: ChildProcess, folder: string): void {
  child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}

/**
 * Starts a Redis server on this machine.
 *
 * @param port where, for one that comes back; a free one where nothing is said
 * @param args more of its arguments, such as `--cluster-enabled yes`
 * @throws {Error} It ended, or did not answer within 10 s; the message carries what it wrote.
 */
export async function startRedis(port?: number, args: readonly string[] = []): Promise<RedisServer> {
  const own = port ?? (await freePort());
  const folder = mkdtempSync(join(tmpdir(), "prism-redis-"));
  const kept = ["--save", "", "--appendonly", "no", "--dir", folder, "--daemonize", "no"];
  const child = spawn(redisServerPath, ["--port", String(own), "--bind", "127.0.0.1", ...kept, ...args], {
    argv0: "redis-server",
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.set(child, folder);
  const exited = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(`it ended with ${code ?? signal}`));
  });
  const stop = async (): Promise<void> => {
    end(child, folder);
    await exited;
    running.delete(child);
  };

  const problem = await untilReady(child, exited);
  if (problem !== undefined) {
    await stop();
    throw new Error(`Redis does not run from ${redisServerPath}: ${problem}`);
  }
  return {
    port: own,
    url: `redis://127.0.0.1:${own}`,
    pid: child.pid ?? -1,
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
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
        if (line.includes("Ready to accept connections")) resolve(undefined);
      });
    }
  });
  const late = new Promise<string>((resolve) => (timer = setTimeout(resolve, 10_000, "it is not ready after 10 s")));
  const problem = await Promise.race([ready, exited, late]);
  clearTimeout(timer);
  timer = undefined;
  return problem === undefined ? undefined : [problem, ...said].join("\n");
}
