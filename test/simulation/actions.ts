import { createRandom } from "../../src/testing/random.ts";
import type { Kind } from "./calls.ts";
import type { SimClient } from "./client.ts";
import type { Action, What } from "./schedule.ts";
import type { SimServer, Target } from "./server.ts";
import { steal } from "./thief.ts";
import type { Laid, World } from "./world.ts";

/** Codes that something in between may close a line with. Those of the second row end the connection. */
const CODES = [1001, 1006, 1011, 1012, 4001, 4003, 4999];
const ENDING = [1000, 1008, 4002];

const KINDS: readonly Kind[] = ["now", "now", "later", "fail", "stream", "sum", "echo", "hang"];

function pick<Value>(values: readonly Value[], at: number): Value | undefined {
  return values[Math.floor(at * values.length)];
}

/** Does the things that can happen, each with what there is at that moment. */
export class Actions {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Does one. */
  async act({ what, a, b, c }: Action): Promise<void> {
    const world = this.#world;
    const client = pick(world.clients, a)!;
    const laid = pick(world.lines, a);
    world.say(`${what}${this.#about(what, client, laid)}`);
    if (laid !== undefined && this.#onLine(what, laid, b, c)) return;
    const server = pick(world.open, a);
    if (server !== undefined && this.#atServer(what, server, b, c)) return;
    if (this.#atClient(what, client, b, c)) return;
    switch (what) {
      case "failDials":
        world.unreachableUntil = world.clock.now() + b * 400;
        break;
      case "outage":
        world.unreachableUntil = world.clock.now() + b * 4_000;
        for (const { line } of world.lines) line.cut();
        break;
      case "hold":
        world.clock.hold(b * b * 3_000);
        break;
      case "drain":
        await this.#drain(a, b, c);
        break;
      case "thief":
        await steal(world, b, c);
        break;
      default:
    }
  }

  #about(what: What, { index }: SimClient, laid: Laid | undefined): string {
    if (/^(send|burst|paced|call|close|open)$/.test(what)) return ` at client ${index}`;
    return laid !== undefined && /cut|stall|silence|half|slow|vanish|Line/i.test(what)
      ? ` on the line of ${laid.tap.wired?.id}`
      : "";
  }

  /** What happens to a line. */
  #onLine(what: What, laid: Laid, b: number, c: number): boolean {
    const { line, tap } = laid;
    const way = b < 0.5 ? line.toNear : line.toFar;
    if (what === "cut") line.cut();
    else if (what === "cutSoon") line.cut({ within: c * 100 });
    else if (what === "stall") line.stall(c < 0.7 ? c * 500 : undefined);
    else if (what === "stallOne") way.stall(c < 0.7 ? c * 500 : undefined);
    else if (what === "resume") line.resume();
    else if (what === "slow") way.bandwidth = 1 + c * c * 100;
    else if (what === "vanish") {
      // What is on its way then comes when nobody waits for it any more.
      laid.vanished = true;
      way.stall(c * 400);
      (way === line.toFar ? tap.near : tap.far).vanish();
    } else if (what === "silence" || what === "halfOpen") {
      laid.mute = true;
      if (what === "silence") way.silence();
      else line.halfOpen();
    } else if (what === "closeLine") {
      const code = c < 0.85 ? pick(CODES, b)! : pick(ENDING, b)!;
      // Also where the client has no welcome on it yet.
      const both = [tap.wired, this.#world.clients[laid.client]?.welcomed];
      if (c >= 0.85) for (const wired of both) if (wired !== undefined) wired.excused = true;
      line.close(code, "by the network");
    } else return false;
    return true;
  }

  /** What a server does. */
  #atServer(what: What, server: SimServer, b: number, c: number): boolean {
    const target = pick(server.targets, b);
    const key = c < 0.5 ? "x" : "y";
    if (what === "broadcast") server.broadcast(c < 0.6 ? "plain" : c < 0.8 ? "volatile" : "conflate", key);
    else if (target === undefined) return false;
    else if (what === "push") server.push(target);
    else if (what === "flood") for (let i = 0; i < 10 + c * 60; i++) server.push(target);
    else if (what === "volatile") for (let i = 0; i < 1 + c * 6; i++) server.broadcast("volatile", key, [target]);
    else if (what === "conflate") for (let i = 0; i < 1 + c * 6; i++) server.broadcast("conflate", key, [target]);
    else if (what === "callClient") this.#call(server, target, b, c);
    else if (what === "kick") target.close("Kicked");
    else if (what === "pacedPush") this.#go(() => this.#pacedPush(server, target, 10 + c * 40));
    else return false;
    return true;
  }

  /** What a client's user does. */
  #atClient(what: What, client: SimClient, b: number, c: number): boolean {
    if (what === "send") client.send();
    else if (what === "burst") for (let i = 0; i < 5 + b * 40; i++) client.send();
    else if (what === "paced") this.#go(() => this.#paced(client, 10 + b * 40));
    else if (what === "call") for (let i = 0; i < 1 + c * 3; i++) this.#call(client, undefined, (b + i / 4) % 1, c);
    else if (what === "abort") pick(this.#world.book.open, b)?.abort();
    else if (what === "close") client.connection.close();
    else if (what === "open") client.connection.open();
    else return false;
    return true;
  }

  #call(from: SimClient | SimServer, to: Target | undefined, b: number, c: number): void {
    const more = createRandom((b * 2 ** 31) ^ (c * 2 ** 30));
    const kind = pick(KINDS, more())!;
    const size = Math.floor(more() ** 2 * 60);
    const timeout = kind === "hang" || more() < 0.4 ? 100 + more() * 2_000 : Infinity;
    const made = this.#world.call(from, to, { kind, size, timeout, idempotent: more() < 0.3 });
    if (made === undefined || more() > 0.2) return;
    this.#go(async () => {
      await this.#world.book.sleep(more() * 300);
      if (!made.settled) made.abort();
    });
  }

  /** Whoever waits for room sends more than may be kept, and loses nothing. */
  async #paced(client: SimClient, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      await client.connection.drained();
      client.send();
    }
  }

  async #pacedPush(server: SimServer, target: Target, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      await target.drained();
      if (!target.closed) server.push(target);
    }
  }

  /** Has something go on by itself. */
  #go(run: () => Promise<void>): void {
    const { tasks } = this.#world;
    const task: Promise<void> = run()
      .catch(() => {})
      .finally(() => tasks.delete(task));
    tasks.add(task);
  }

  /** A server goes, and another one comes in its place, a little before or a little after. */
  async #drain(a: number, b: number, c: number): Promise<void> {
    const world = this.#world;
    const server = pick(world.open, a);
    if (server === undefined || world.servers.length > 5) return;
    if (c < 0.7 || world.schedule.config.calm) await world.addServer();
    server.drain(world.schedule.config.calm ? 4_000 : 50 + b * 3_000);
    if (world.open.length > 0) return;
    this.#go(async () => {
      await world.book.sleep(b * 500);
      await world.addServer();
    });
  }
}
