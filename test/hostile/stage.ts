import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { connect } from "../../src/client/node.ts";
import { rpc } from "../../src/services/rpc/client.ts";
import type { App } from "../contract/app.ts";
import { type RuntimeName, type RuntimeProcess, spawnRuntime } from "../support/runtimes.ts";
import type { Report } from "./bystander.ts";
import { invoke } from "./cases.ts";
import { text, type Enemy } from "./enemy.ts";
import { type Platform, platforms } from "./platforms.ts";
import type { Desk } from "./server/desk.ts";
import type { AppName, Ready, RunOptions } from "./server/run.ts";
import { Visitor } from "./visitor.ts";

/** What holds for every app of a server. */
export const limits = { handshake: 1_000, sendLimit: 1_048_576 };

/** The longest that the event loop may be kept busy at a stretch, in ms. */
const STALL = 100;

/** Starts a server of one runtime. */
export function startServer(name: RuntimeName, options: RunOptions, most?: number): RuntimeProcess {
  const file = new URL(`server/${name.replace(/20|Current/, "")}.ts`, import.meta.url);
  return spawnRuntime(name, fileURLToPath(file), [JSON.stringify({ limits, ...options })], {}, undefined, most);
}

/** A client that looks on from inside. */
export function observe(port: number) {
  const services = { calls: rpc(), about: rpc() };
  const client = connect<App, "calls" | "about">(`http://127.0.0.1:${port}`, { services });
  const events: string[] = [];
  client.connection.on("status", (status) => void events.push(status));
  return { connection: client.connection, calls: client.calls, about: client.about, events };
}

export type Witness = ReturnType<typeof observe>;

/** Looks into a server, and has things go wrong in it. */
export function openDesk(port: number) {
  const client = connect<Desk>(`http://127.0.0.1:${port}`, { services: { desk: rpc() } });
  return { desk: client.desk, close: () => client.connection.close() };
}

export type DeskClient = ReturnType<typeof openDesk>["desk"];

/** A server of one runtime with all of its apps, and those who are on it all the while and do nothing wrong. */
export class Stage {
  readonly name: RuntimeName;
  readonly platform: Platform;
  server!: RuntimeProcess;
  ports!: Ready["ports"];
  /** Somebody who knows the main app from inside. */
  witness!: Witness;
  desk!: DeskClient;
  /** How much of what the server wrote to standard error is known already. */
  #forgiven = 0;
  #bystander!: RuntimeProcess;
  #quiet!: Report;
  #inherited!: readonly string[];
  #closeDesk!: () => void;

  constructor(name: RuntimeName) {
    this.name = name;
    this.platform = platforms[name];
  }

  /** Where the main app is. */
  get port(): number {
    return this.ports.main;
  }

  async start(): Promise<void> {
    this.server = startServer(this.name, {});
    ({ ports: this.ports } = await this.server.ready<Ready>());
    this.witness = observe(this.port);
    const { desk, close } = openDesk(this.ports.desk);
    this.desk = desk;
    this.#closeDesk = close;
    const file = fileURLToPath(new URL("bystander.ts", import.meta.url));
    this.#bystander = spawnRuntime("node20", file, [`http://127.0.0.1:${this.port}`]);
    await Promise.all([this.#bystander.ready(), this.witness.connection.opened]);
    this.#quiet = await this.#report("report");
    this.#inherited = await desk.inherited();
    // What they say while they are made, that a secret is missing, is not about what follows.
    await Promise.all([desk.notices(), desk.stall()]);
  }

  async stop(): Promise<void> {
    this.witness.connection.close();
    this.#closeDesk();
    await Promise.all([this.#bystander.stop(), this.server.stop()]);
  }

  visitor(app: AppName, cookie?: string): Visitor {
    return new Visitor(this.ports[app], { secure: app === "secure", cookie });
  }

  /** Nobody else has noticed anything. */
  async expectPeace(): Promise<void> {
    expect(await this.witness.calls.echo("peace")).toBe("peace");
    expect(this.witness.events).toEqual(["open"]);
    expect(this.errors()).toBe("");
  }

  /** What the server wrote to standard error since it was last forgiven. */
  errors(): string {
    return this.server.errors().slice(this.#forgiven);
  }

  /** Takes note of what the server wrote to standard error: a known fault of which more will be said elsewhere. */
  forgive(): void {
    this.#forgiven = this.server.errors().length;
  }

  /**
   * All is fine: nobody has noticed anything, nothing kept the event loop busy, every object is what it was, and the logs
   * say what they should.
   *
   * @param expected the warnings and errors that the apps should have logged, in any order, each as often as it came
   */
  async expectFine(expected: readonly string[] = []): Promise<void> {
    await this.expectPeace();
    expect(await this.desk.inherited()).toEqual(this.#inherited);
    expect((await this.desk.notices()).toSorted()).toEqual(expected.toSorted());
    expect(await this.witness.about.failures()).toEqual([]);
    expect(await this.desk.stall()).toBeLessThan(STALL);
  }

  /** A client that was not closed gets its answer. */
  async expectServed(enemy: Enemy): Promise<void> {
    enemy.send(text(invoke(31, "echo", '"served"')));
    expect(await enemy.got("=_")).toBe('=_"served"');
    enemy.tcp.destroy();
  }

  /** A bystander was served all the while, as fast as when nothing was going on. */
  async expectServedAllTheWhile(): Promise<void> {
    const busy = await this.#report("end");
    console.log(`${this.name}: quiet ${JSON.stringify(this.#quiet)}, under attack ${JSON.stringify(busy)}`);
    expect(busy.events).toEqual([]);
    expect(busy.calls).toBeGreaterThan(100);
    expect(busy.p99).toBeLessThan(Math.max(2 * this.#quiet.p99, 20));
    expect(await this.#bystander.exited).toBe(0);
    expect(this.#bystander.errors()).toBe("");
  }

  async #report(command: "report" | "end"): Promise<Report> {
    this.#bystander.write(command);
    return JSON.parse((await this.#bystander.line("report ")).slice("report ".length)) as Report;
  }
}
