// The cluster, by its one command, and clients of it that are no pages.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, onTestFinished } from "vitest";
import type { App } from "../../../examples/cluster/app.ts";
import { connect } from "../../../src/client/node.ts";
import { pubsub } from "../../../src/services/pubsub/client.ts";
import { rpc } from "../../../src/services/rpc/client.ts";
import { lastingPort } from "../../support/ports.ts";
import { root, type RuntimeProcess, spawnRuntime } from "../../support/runtimes.ts";

export const names = ["alpha", "beta", "gamma"];
export const eventually = <T>(ask: () => T | Promise<T>) => expect.poll(ask, { timeout: 15_000, interval: 50 });

/** A cluster that runs. */
export interface Cluster {
  readonly url: string;
  readonly title: string;
  readonly process: RuntimeProcess;
  /** Ends it, and makes sure that nothing is left. */
  end(signal: "SIGINT" | "SIGTERM"): Promise<void>;
}

export async function start(...args: string[]): Promise<Cluster> {
  const ports = new Set<number>();
  while (ports.size < 5) ports.add(await lastingPort());
  const [port, redis, ...nodes] = [...ports];
  const where = ["--port", `${port}`, "--redis-port", `${redis}`, "--node-ports", nodes.join()];
  const all = ["--example", "cluster", "--restart", "1", ...where, ...args];
  const launcher = spawnRuntime("node20", `${root}scripts/start.ts`, all, { SESSION_SECRET: "" });
  // Where a test fails on its way; it ends all that it has started.
  onTestFinished(async () => void (await launcher.stop(20_000)));
  const [, url = "", title = ""] = /^Prism cluster on (\S+) \((.+)\)$/.exec(await launcher.line("Prism", 30_000)) ?? [];
  const started = descendants(launcher.pid);
  // The supervisor, Redis, three nodes and the proxy, which may have more.
  expect(started.length).toBeGreaterThanOrEqual(6);
  return {
    url,
    title,
    process: launcher,
    async end(signal) {
      const last = [...started, ...descendants(launcher.pid)];
      process.kill(launcher.pid, signal);
      expect(await launcher.exited).toBe(0);
      expect(launcher.errors()).toBe("");
      await eventually(() => last.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
      await expect(fetch(url)).rejects.toThrow();
    },
  };
}

/** The processes that one has started, and those that these have. */
function descendants(pid: number): number[] {
  const parents = readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      // The name in parentheses may have spaces; the parent is the second word behind it.
      const parent = Number(readFileSync(`/proc/${name}/stat`, "utf8").split(") ").at(-1)?.split(" ")[1]);
      return [[Number(name), parent] as const];
    } catch {
      return []; // It has ended meanwhile.
    }
  });
  const found = [pid];
  for (const one of found) found.push(...parents.filter(([, parent]) => parent === one).map(([child]) => child));
  return found.slice(1);
}

/** Opens the page as a visitor with a cookie jar, and asks some times which node answers them. */
export async function visit(url: string, times = 4): Promise<string[]> {
  const response = await fetch(url);
  await response.text();
  const cookie = response.headers.get("set-cookie")?.split(";")[0] ?? "";
  expect(cookie).toMatch(/^prism\.sid=/);
  const nodes: string[] = [];
  for (let i = 0; i < times; i++) {
    const answer = await fetch(`${url}/node`, { headers: { cookie } });
    nodes.push(((await answer.json()) as { name: string }).name);
  }
  return nodes;
}

/** A client on Node, and what it hears. */
export function join(url: string) {
  const client = connect<App>(url.replace("http", "ws"), {
    services: { live: pubsub(), desk: rpc() },
    reconnect: { max: 1000 },
  });
  const heard = { events: [] as string[], offsets: [] as number[] };
  for (const name of ["suspended", "resumed", "reset"] as const)
    client.connection.on(name, () => heard.events.push(name));
  client.live.on("moved", () => heard.events.push("moved"));
  const ticks = client.live.channel("ticks");
  ticks.on("subscribed", ({ first, recovered }) => {
    if (!first) heard.events.push(recovered ? "recovered" : "missed");
  });
  const begun = ticks.subscribe({ last: 3 });
  ticks.on((_, { offset }) => heard.offsets.push(offset!));
  const where = async (): Promise<string> => (await client.desk.where()).name;
  return { client, heard, begun, where };
}
