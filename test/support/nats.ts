import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, makeFolder, startDaemon } from "./daemon.ts";
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

/**
 * Starts a NATS server on this machine.
 *
 * @param config more of its configuration
 * @throws {Error} It ended, or was not ready within 10 s; the message carries what it wrote.
 */
export async function startNats(config = "max_payload: 8MB"): Promise<NatsServer> {
  const port = await lastingPort();
  const folder = makeFolder("nats");
  const store = join(folder.path, "store");
  const file = join(folder.path, "nats.conf");
  writeFileSync(file, `listen: "127.0.0.1:${port}"\njetstream { store_dir: ${JSON.stringify(store)} }\n${config}\n`);

  let nats: Daemon | undefined;
  const kill = async (): Promise<void> => {
    await nats?.kill();
    nats = undefined;
  };
  const restart = async (): Promise<void> => {
    await kill();
    nats = await startDaemon({ what: "NATS", path: natsServerPath, args: ["-c", file], ready: "Server is ready" });
  };

  await restart();
  return {
    port,
    url: `nats://127.0.0.1:${port}`,
    get pid() {
      return nats?.pid ?? -1;
    },
    pause: () => nats?.pause(),
    resume: () => nats?.resume(),
    kill,
    restart,
    forget: () => rmSync(store, { recursive: true, force: true }),
    async stop() {
      await kill();
      folder.remove();
    },
  };
}
