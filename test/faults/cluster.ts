import { lastingPort } from "../support/ports.ts";
import type { Haproxy } from "../support/haproxy.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import type { RuntimeName } from "../support/runtimes.ts";
import type { Streams } from "./audience.ts";
import type { Hall } from "./halls.ts";
import type { Proxy } from "./proxy.ts";
import type { Scene } from "./scene.ts";
import type { HallOptions } from "./server/halls/run.ts";
import { type Lineup, toRuntime } from "./verdict.ts";

const turns: readonly RuntimeName[] = ["node20", "bun", "deno"];

/** What nodes are given alike. */
export interface ClusterOptions extends Omit<HallOptions, "name" | "port" | "redis"> {
  /** Whether each has a way to Redis of its own, that can be stalled. */
  readonly ways?: boolean;
}

/** Three nodes behind a load balancer, at one Redis. */
export class Cluster {
  readonly nodes: Hall[] = [];
  /** The ways to Redis, where there are any. */
  readonly ways: Proxy[] = [];
  haproxy!: Haproxy;
  redis!: RedisServer;
  readonly #scene: Scene;
  readonly #lineup: Lineup;
  readonly #options: ClusterOptions;
  readonly #ports: number[] = [];
  #started = 0;

  private constructor(scene: Scene, lineup: Lineup, options: ClusterOptions) {
    this.#scene = scene;
    this.#lineup = lineup;
    this.#options = options;
  }

  static async start(scene: Scene, lineup: Lineup, options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = new Cluster(scene, lineup, options);
    cluster.redis = await startRedis();
    scene.after(() => cluster.redis.stop());
    for (const _ of turns) {
      cluster.#ports.push(await lastingPort());
      if (options.ways) cluster.ways.push(await scene.proxy({ target: cluster.redis.port }));
    }
    cluster.haproxy = await scene.haproxy({ backends: cluster.#ports });
    await Promise.all(turns.map((_, place) => cluster.start(place)));
    return cluster;
  }

  get url(): string {
    return this.haproxy.url;
  }

  /** Starts a node in a place. */
  async start(place: number, more: Partial<HallOptions> = {}): Promise<void> {
    const { ways: _, ...options } = this.#options;
    const name = `n${this.#started++}`;
    const runtime = this.#lineup === "mixed" ? turns[place % turns.length]! : toRuntime(this.#lineup);
    const redis = this.ways[place]?.url.replace("http", "redis") ?? this.redis.url;
    const shim = options.shim && { ...options.shim, seed: options.shim.seed + this.#started };
    this.nodes[place] = await this.#scene.hall(runtime, {
      ...options,
      ...more,
      ...(shim && { shim }),
      name,
      redis,
      port: this.#ports[place]!,
    });
    await this.haproxy.until(place, "UP");
  }

  /** Kills a node without a word; resolves when it is gone, and the balancer knows. */
  async kill(place: number): Promise<void> {
    const node = this.nodes[place]!;
    node.signal("SIGKILL");
    await node.process.exited;
    await this.haproxy.until(place, "DOWN");
  }

  /** Kills Redis, and starts one in its place that knows nothing. */
  async replaceRedis(): Promise<void> {
    const { port } = this.redis;
    await this.redis.stop();
    this.redis = await startRedis(port);
  }

  /** Ends what nodes publish by themselves; what those know that are there. */
  async hush(): Promise<Streams> {
    const all = await Promise.all(this.nodes.map((node) => node.hush()));
    return Object.assign({}, ...all) as Streams;
  }

  /** The errors of nodes, and what they wrote. */
  async complaints(): Promise<string[]> {
    const states = await Promise.all(this.nodes.map((node) => node.state()));
    const written = this.nodes.map((node) => node.process.errors()).filter((text) => text !== "");
    return [...states.flatMap(({ errors }) => errors), ...written];
  }
}
