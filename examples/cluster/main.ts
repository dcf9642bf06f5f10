/** Starts all of the cluster, has nodes that end come back, and ends all that it has started. */
import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { isTaken, type Program, type Running, start } from "./processes.ts";
import { cacheOf, node, nodes, type Options, proxy, type ProxyName, redis } from "./programs.ts";

const defaults = { port: "3000", "node-ports": "3001,3002,3003", "redis-port": "3004", restart: "4" };
const titles = { haproxy: "HAProxy", nginx: "Nginx" };

/** What runs, in the order in which it was started. */
const running = new Map<string, Running>();
let ending = false;
let ended: Promise<void> | undefined;

function readOptions(folder: string): Options & { restart: number } {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    options: {
      proxy: text,
      sticky: { type: "boolean" },
      port: text,
      "node-ports": text,
      "redis-port": text,
      restart: text,
    },
  });
  const { proxy = "haproxy", sticky = false } = values;
  if (!Object.hasOwn(titles, proxy)) throw new RangeError(`The proxy is haproxy or nginx, not "${proxy}"`);
  const given = { ...defaults, ...values };
  const nodePorts = given["node-ports"].split(",").map(toPort);
  if (nodePorts.length !== nodes.length) throw new RangeError(`There are ${nodes.length} nodes, each with a port`);
  const seconds = Number(given.restart);
  if (!(seconds >= 0 && seconds < 3_600)) throw new RangeError(`Not a number of seconds: "${given.restart}"`);
  return {
    proxy: proxy as ProxyName,
    sticky,
    port: toPort(given.port),
    nodePorts,
    redisPort: toPort(given["redis-port"]),
    folder,
    // All nodes have the same. Your own keeps visitors' sessions good when the nodes are replaced, Redis' memory is not.
    secret: process.env["SESSION_SECRET"] || randomBytes(32).toString("base64url"),
    restart: seconds * 1_000,
  };
}

function toPort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new RangeError(`A port is a number from 1 to 65535, not "${text}"`);
}

async function begin(program: Program): Promise<Running> {
  const one = await start(program);
  running.set(program.name, one);
  return one;
}

/** Starts a node, and another in its place whenever it is gone. */
async function keep(program: Program, delay: number): Promise<void> {
  const { pid, exited } = await begin(program);
  console.log(`${program.name} is there (${program.port}, process ${pid})`);
  void exited.then((how) => {
    if (ending) return;
    running.delete(program.name);
    console.log(`${program.name} has ended (${how}), and comes back in ${delay / 1_000} s`);
    setTimeout(() => {
      if (!ending) keep(program, delay).catch(fail);
    }, delay);
  });
}

async function run(options: Options & { restart: number }): Promise<void> {
  // Who is there already would be taken for what is started here.
  for (const port of [options.port, ...options.nodePorts, options.redisPort]) {
    if (await isTaken(port))
      throw new Error(`Port ${port} is taken: choose others with --port, --node-ports, --redis-port`);
  }
  const programs = { redis: redis(options), nodes: nodes.map((one) => node(one, options)), proxy: proxy(options) };
  await begin(programs.redis);
  await Promise.all(programs.nodes.map((program) => keep(program, options.restart)));
  const { exited } = await begin(programs.proxy);
  const way = options.sticky ? "sticky" : "round robin";
  console.log(
    `Prism cluster on http://localhost:${options.port} (${titles[options.proxy]}, ${way}, sessions ${cacheOf(options)})`,
  );
  void exited.then(() => {
    if (!ending) fail(new Error(`${titles[options.proxy]} has ended`));
  });
}

/** Ends all that runs: nodes first, which have connections to leave in Redis, which therefore goes last. */
async function end(): Promise<void> {
  ending = true;
  await Promise.all(nodes.map(async ({ name }) => running.get(name)?.end()));
  for (const name of ["haproxy", "nginx", "redis"]) await running.get(name)?.end();
}

function fail(error: unknown): void {
  console.error(`The cluster cannot go on: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
  leave();
}

function leave(): void {
  ended ??= end().finally(() => process.exit());
}

const folder = mkdtempSync(join(tmpdir(), "prism-cluster-"));
// Nginx' workers are somebody else, where it is started by root.
chmodSync(folder, 0o711);
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, leave);

try {
  await run(readOptions(folder));
} catch (error) {
  // What was started before it was told to end does not matter any more.
  if (!ending) fail(error);
}
