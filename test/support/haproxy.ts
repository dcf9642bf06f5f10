import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { makeFolder, startDaemon } from "./daemon.ts";
import { freePort } from "./ports.ts";

/** Where HAProxy is; `HAPROXY_PATH` says otherwise. */
export const haproxyPath: string = process.env["HAPROXY_PATH"] ?? "/usr/sbin/haproxy";

/** What a load balancer is made of. */
export interface HaproxyOptions {
  /** The ports of the servers behind it, on this machine; a server keeps its port when it is started again. */
  readonly backends: readonly number[];
  readonly balance?: "roundrobin" | "leastconn";
  /** How often each server is asked for its health, in ms: 100. */
  readonly interval?: number;
}

/** What it says of a server. */
export type BackendStatus = "UP" | "DOWN";

/** A real load balancer in a process of its own. */
export interface Haproxy {
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  /** What it thinks of the server with this place in `backends`: up until it has found out otherwise. */
  status(backend: number): BackendStatus;
  /** Resolves when it thinks so; fails after 10 s. */
  until(backend: number, status: BackendStatus): Promise<void>;
  /** Ends it; resolves when it is gone. */
  stop(): Promise<void>;
}

/** Debian's HAProxy wants room for all connections, of two sockets each, among the descriptors that a process may have. */
const MAX_CONNECTIONS = 9_900;

function configure(port: number, { backends, balance = "roundrobin", interval = 100 }: HaproxyOptions): string {
  // A server that is going away answers 503 to whoever is new, who is then sent to another: an upgrade has no body, so it
  // can be sent twice.
  return `
global
  maxconn ${MAX_CONNECTIONS}
  log stdout format raw daemon notice

defaults
  mode http
  log global
  option redispatch 1
  retries 3
  retry-on conn-failure empty-response 503
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  timeout tunnel 1h

frontend front
  bind 127.0.0.1:${port}
  default_backend nodes

backend nodes
  balance ${balance}
  option httpchk
  http-check send meth GET uri /prism/health ver HTTP/1.1 hdr Host nodes
  http-check expect status 200
  default-server check inter ${interval}ms fastinter ${interval}ms downinter ${interval}ms fall 1 rise 1
${backends.map((backend, i) => `  server n${i} 127.0.0.1:${backend}`).join("\n")}
`;
}

/**
 * Starts a load balancer on this machine.
 *
 * @throws {Error} It ended, or took nobody within 10 s; the message carries what it wrote.
 */
export async function startHaproxy(options: HaproxyOptions): Promise<Haproxy> {
  const port = await freePort();
  const folder = makeFolder("haproxy");
  const config = join(folder.path, "haproxy.cfg");
  writeFileSync(config, configure(port, options));

  const statuses: BackendStatus[] = options.backends.map(() => "UP");
  const look = new Set<() => void>();
  const haproxy = await startDaemon({
    what: "HAProxy",
    path: haproxyPath,
    // -db: it stays in the foreground, and is one process.
    args: ["-db", "-f", config],
    ready: () => untilTaken(port),
    hear(line) {
      const [, place, status] = /^Server nodes\/n(\d+) is (UP|DOWN)\b/.exec(line) ?? [];
      if (status !== undefined) statuses[Number(place)] = status as BackendStatus;
      for (const one of look) one();
    },
  });

  const until = async (backend: number, status: BackendStatus): Promise<void> => {
    let one = (): void => {};
    const reached = new Promise<void>((resolve) => {
      one = () => {
        if (statuses[backend] === status) resolve();
      };
      look.add(one);
      one();
    });
    try {
      await haproxy.inTime(reached, `HAProxy's server ${backend} is not ${status}`);
    } finally {
      look.delete(one);
    }
  };
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    pid: haproxy.pid,
    status: (backend) => statuses[backend]!,
    until,
    async stop() {
      await haproxy.kill();
      folder.remove();
    },
  };
}

/** It does not say when it listens, so it is tried. */
async function untilTaken(port: number): Promise<void> {
  for (;;) {
    const taken = await new Promise<boolean>((resolve) => {
      const tcp = connect(port, "127.0.0.1", () => resolve(true)).once("error", () => resolve(false));
      tcp.once("close", () => resolve(false)).once("connect", () => tcp.destroy());
    });
    if (taken) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
