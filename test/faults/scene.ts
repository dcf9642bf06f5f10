import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Report as BystanderReport } from "../hostile/bystander.ts";
import { type Haproxy, type HaproxyOptions, startHaproxy } from "../support/haproxy.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { type RuntimeName, type RuntimeProcess, spawnRuntime } from "../support/runtimes.ts";
import { Actor } from "./actor.ts";
import type { AudienceOptions } from "./audience.ts";
import type { LoadOptions, LoadReport, LoadState } from "./client.ts";
import { Controlled } from "./commands.ts";
import type { LoadEvent } from "./customer.ts";
import { Audience, Hall } from "./halls.ts";
import type { Page } from "./ledger.ts";
import { Proxy, type ProxyOptions } from "./proxy.ts";
import type { HallOptions } from "./server/halls/run.ts";
import type { ServerEvent, ServerOptions, State } from "./server/run.ts";

const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** What a runtime runs, of files that there are for each. */
const fileOf = (name: RuntimeName): string => `${name.replace(/20|Current/, "")}.ts`;

/** A server. */
export class Node extends Actor<{ readonly port: number }, State> {
  get port(): number {
    return this.ready.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  events(): Promise<ServerEvent[]> {
    return this.ask("events");
  }

  page(): Promise<Page> {
    return this.ask("page");
  }

  /** For how long the event loop was kept busy at a stretch since it was last asked, in ms. */
  stall(): Promise<number> {
    return this.ask("stall");
  }
}

/** A server that knows nothing of Prism. */
export type BareNode = Pick<Node, "port" | "url" | "stall" | "signal" | "until">;

/** A load. */
export class Load extends Actor<{ readonly seconds: number }, LoadState> {
  finish(): Promise<LoadReport> {
    return this.ask("finish");
  }

  events(): Promise<LoadEvent[]> {
    return this.ask("events");
  }
}

/** Somebody who does nothing wrong, and measures how that is going. */
export class Bystander {
  readonly #process: RuntimeProcess;

  constructor(process: RuntimeProcess) {
    this.#process = process;
  }

  /** Ends it. */
  stop(): void {
    this.#process.write("end");
  }

  /** How it went since the last time. */
  async report(): Promise<BystanderReport> {
    this.#process.write("report");
    return JSON.parse((await this.#process.line("report ")).slice("report ".length)) as BystanderReport;
  }
}

/** All that takes part in a row, and is gone when it is over. */
export class Scene {
  readonly #stops: (() => Promise<unknown>)[] = [];
  readonly #processes = new Set<RuntimeProcess>();

  /** Starts a server. */
  async node(name: RuntimeName, options: ServerOptions): Promise<Node> {
    return new Node(await this.#start(name, pathOf(`server/${fileOf(name)}`), options));
  }

  /** Starts the control: the platform's own server, that accepts everybody. */
  async bare(name: RuntimeName): Promise<BareNode> {
    return new Node(await this.#start(name, pathOf(`server/bare/${fileOf(name)}`), {}));
  }

  /** Starts a load, and waits until all its connections are open. */
  async load(options: LoadOptions): Promise<Load> {
    return new Load(await this.#start("node20", pathOf("client.ts"), options));
  }

  /** Starts anything else that answers commands. */
  async helper<Ready>(file: string, options: object): Promise<Actor<Ready, never>> {
    return new Actor(await this.#start("node20", pathOf(file), options));
  }

  /** Starts a server of the rows about channels. */
  async hall(name: RuntimeName, options: HallOptions): Promise<Hall> {
    return new Hall(await this.#start(name, pathOf(`server/halls/${fileOf(name)}`), options));
  }

  /** Starts their load, and waits until all of it is subscribed. */
  async audience(options: AudienceOptions): Promise<Audience> {
    return new Audience(await this.#start("node20", pathOf("audience.ts"), options));
  }

  /** Puts somebody onto a server who should notice nothing. */
  async bystander(url: string): Promise<Bystander> {
    const child = spawnRuntime("node20", pathOf("../hostile/bystander.ts"), [url]);
    this.#follow(child);
    await child.ready();
    return new Bystander(child);
  }

  async proxy(options: ProxyOptions): Promise<Proxy> {
    const proxy = await Proxy.start(options);
    this.#stops.push(() => proxy.stop());
    return proxy;
  }

  async redis(): Promise<RedisServer> {
    const redis = await startRedis();
    this.#stops.push(() => redis.stop());
    return redis;
  }

  async haproxy(options: HaproxyOptions): Promise<Haproxy> {
    const haproxy = await startHaproxy(options);
    this.#stops.push(() => haproxy.stop());
    return haproxy;
  }

  /** Has something done when the row is over. */
  after(stop: () => Promise<unknown>): void {
    this.#stops.push(stop);
  }

  /** Ends all of it. */
  async stop(): Promise<void> {
    const left = [...this.#processes];
    // One that was halted ends all the same.
    for (const { pid } of left) process.kill(pid, "SIGKILL");
    await Promise.all(left.map(({ exited }) => exited));
    for (const stop of this.#stops.toReversed()) await stop();
  }

  async #start<Ready>(name: RuntimeName, file: string, options: object): Promise<Controlled<Ready>> {
    const child = spawnRuntime(name, file, [JSON.stringify(options)]);
    this.#follow(child);
    return Controlled.over<Ready>(child);
  }

  #follow(child: RuntimeProcess): void {
    this.#processes.add(child);
    // Its number may be somebody else's from then on.
    void child.exited.then(() => this.#processes.delete(child));
  }
}
