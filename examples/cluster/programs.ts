/** What the cluster consists of, and how each is started: Redis, three nodes, and a proxy. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Program } from "./processes.ts";

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** The nodes, in the order of their ports. */
export const nodes = [
  { name: "alpha", runtime: "node" },
  { name: "beta", runtime: "bun" },
  { name: "gamma", runtime: "deno" },
] as const;

type Node = (typeof nodes)[number];
export type ProxyName = "haproxy" | "nginx";

/** What the command may say, and what is made up for it. */
export interface Options {
  readonly proxy: ProxyName;
  readonly sticky: boolean;
  readonly port: number;
  readonly nodePorts: readonly number[];
  readonly redisPort: number;
  /** For what the programs keep; it is gone afterwards. */
  readonly folder: string;
  readonly secret: string;
}

/** Looks for a program where the environment says, on the path, and where system programs are. */
function find(variable: string, names: readonly string[]): string {
  const named = process.env[variable];
  if (named) return named;
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  const places = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new Error(`There is no ${names[0]}: install it, or say with ${variable} where it is`);
  return found;
}

export function redis({ redisPort, folder }: Options): Program {
  // Debian's redis-tools has the server without its service, as redis-check-rdb: it looks at the name it is started with.
  const path = find("REDIS_SERVER_PATH", ["redis-server", "redis-check-rdb"]);
  // In memory only: it is for the show. What has to outlive Redis needs `appendonly yes`.
  const kept = ["--save", "", "--appendonly", "no", "--dir", folder, "--loglevel", "warning"];
  const args = ["--port", String(redisPort), "--bind", "127.0.0.1", ...kept];
  return { name: "redis", path, argv0: "redis-server", args, port: redisPort };
}

export function node({ name, runtime }: Node, options: Options): Program {
  const port = portOf(name, options);
  const main = here(`main.${runtime}.ts`);
  const runtimes = {
    // As this process was started: with what runs TypeScript.
    node: () => ({ path: process.execPath, args: [...process.execArgv, main] }),
    bun: () => ({ path: here("../../node_modules/.bin/bun"), args: ["run", main] }),
    deno: () => ({ path: here("../../node_modules/.bin/deno"), args: ["run", "-A", "--no-check", "--quiet", main] }),
  };
  const env = {
    NODE_NAME: name,
    PORT: String(port),
    REDIS_URL: `redis://127.0.0.1:${options.redisPort}`,
    SESSION_SECRET: options.secret,
    SESSION_CACHE: cacheOf(options),
  };
  return { name, ...runtimes[runtime](), env, port };
}

/** Only where a session's sockets are on one node for certain may it be kept in that node's memory alone. */
export const cacheOf = ({ proxy, sticky }: Pick<Options, "proxy" | "sticky">): "true" | "coherent" =>
  sticky && proxy === "haproxy" ? "true" : "coherent";

export function proxy(options: Options): Program {
  const { port, folder } = options;
  const ports: Record<string, string> = { PORT: String(port) };
  for (const { name } of nodes) ports[`${name.toUpperCase()}_PORT`] = String(portOf(name, options));
  const kind = options.sticky ? "-sticky" : "";
  if (options.proxy === "haproxy") {
    // It knows the environment itself. -db: it stays in the foreground; -q: and says everything once.
    const args = ["-db", "-q", "-f", here(`haproxy${kind}.cfg`)];
    return { name: "haproxy", path: find("HAPROXY_PATH", ["haproxy"]), args, env: ports, port };
  }
  const template = readFileSync(here(`nginx${kind}.conf`), "utf8");
  const config = join(folder, "nginx.conf");
  writeFileSync(
    config,
    template.replaceAll(/\$\{(\w+)\}/g, (whole, name: string) => ports[name] ?? whole),
  );
  mkdirSync(join(folder, "temp"));
  const args = ["-p", folder, "-e", "stderr", "-c", config, "-g", "daemon off;"];
  return { name: "nginx", path: find("NGINX_PATH", ["nginx"]), args, port };
}

const portOf = (name: string, { nodePorts }: Options): number =>
  nodePorts[nodes.findIndex((one) => one.name === name)]!;
