import { existsSync } from "node:fs";
import { makeFolder, startDaemon } from "./daemon.ts";
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

/**
 * Starts a Redis server on this machine.
 *
 * @param port where, for one that comes back; a free one where nothing is said
 * @param args more of its arguments, such as `--cluster-enabled yes`
 * @throws {Error} It ended, or was not ready within 10 s; the message carries what it wrote.
 */
export async function startRedis(port?: number, args: readonly string[] = []): Promise<RedisServer> {
  const own = port ?? (await freePort());
  const folder = makeFolder("redis");
  const kept = ["--save", "", "--appendonly", "no", "--dir", folder.path, "--daemonize", "no"];
  const redis = await startDaemon({
    what: "Redis",
    path: redisServerPath,
    name: "redis-server",
    args: ["--port", String(own), "--bind", "127.0.0.1", ...kept, ...args],
    ready: "Ready to accept connections",
  });
  return {
    port: own,
    url: `redis://127.0.0.1:${own}`,
    pid: redis.pid,
    pause: redis.pause,
    resume: redis.resume,
    async stop() {
      await redis.kill();
      folder.remove();
    },
  };
}
