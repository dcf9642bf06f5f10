import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { Random } from "../fuzz/random.ts";
import { Pipe } from "./pipe.ts";

/** Towards the server, or towards the client. */
export type Direction = "up" | "down";

export interface ProxyOptions {
  /** Where the server is, on this machine. */
  readonly target: number;
  /** All that is left to chance follows from it. */
  readonly seed?: number;
  /** How long each piece is held back, both ways, in ms. */
  readonly delay?: number;
}

/** What went through, and what was done to it. */
export interface ProxyCounts {
  accepted: number;
  refused: number;
  cut: number;
  /** Of those cut, how many in the middle of what was being sent. */
  midway: number;
  reset: number;
  up: number;
  down: number;
}

/** How likely a piece is the one at which a cut comes that is due: so that it is not always the same connection. */
const WHICH = 0.5;

/** One client's connection, and the one to the server that belongs to it. */
class Pair {
  readonly up: Pipe;
  readonly down: Pipe;
  readonly #proxy: Proxy;
  readonly #client: Socket;
  readonly #server: Socket;
  gone = false;
  /** Whether it is being cut: nothing more goes through. */
  doomed = false;

  constructor(proxy: Proxy, client: Socket, server: Socket) {
    this.#proxy = proxy;
    this.#client = client;
    this.#server = server;
    this.up = new Pipe(client, server, proxy);
    this.down = new Pipe(server, client, proxy);
    this.up.onbytes = (count) => (proxy.counts.up += count);
    this.down.onbytes = (count) => (proxy.counts.down += count);
    this.up.ongone = this.down.ongone = () => this.#leave();
  }

  pipe(direction: Direction): Pipe {
    return direction === "up" ? this.up : this.down;
  }

  destroy(): void {
    this.#client.destroy();
    this.#server.destroy();
    this.#leave();
  }

  reset(): void {
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
    this.#leave();
  }

  #leave(): void {
    if (this.gone || !this.#client.destroyed || !this.#server.destroyed) return;
    this.gone = true;
    this.#proxy.pairs.delete(this);
  }
}

/** A TCP proxy in the test's own process ("P" of FAULTS.md): it delays, cuts, stalls, resets and refuses. */
export class Proxy {
  readonly counts: ProxyCounts = { accepted: 0, refused: 0, cut: 0, midway: 0, reset: 0, up: 0, down: 0 };
  /** When each came who was let in, in ms since 1970. */
  readonly arrivals: number[] = [];
  readonly pairs: Set<Pair> = new Set();
  readonly random: Random;
  /** How long each piece is held back from now on, in ms. */
  delay: number;
  /**
   * Whether who comes is turned away: by a reset, right after the handshake of TCP, since a port that nobody listens on
   * could become somebody else's.
   */
  refusing = false;
  readonly #server: Server;
  readonly #target: number;
  /** Cuts that are to come. */
  #due = 0;

  private constructor({ target, seed = 1, delay = 0 }: ProxyOptions) {
    this.#target = target;
    this.random = new Random(seed);
    this.delay = delay;
    // Half-open, so that each side's end is its own.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
  }

  /** Starts one on a free port. */
  static async start(options: ProxyOptions): Promise<Proxy> {
    const proxy = new Proxy(options);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once("error", reject);
      proxy.#server.listen(0, "127.0.0.1", 4_096, resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Cuts some connections now, chosen at random: all of them where nothing is said. Returns how many. */
  cut(most = Infinity): number {
    const victims = this.#choose(most);
    for (const pair of victims) pair.destroy();
    this.counts.cut += victims.length;
    return victims.length;
  }

  /**
   * Cuts connections that are busy: each cut comes at one of the next pieces that come by on any of them, either way, after
   * a part of it, so that most likely a frame is torn.
   */
  cutMidway(count = 1): void {
    this.#due += count;
  }

  /** Resets some connections: both ends hear of it at once, and what was on its way is lost. Returns how many. */
  reset(most = Infinity): number {
    const victims = this.#choose(most);
    for (const pair of victims) pair.reset();
    this.counts.reset += victims.length;
    return victims.length;
  }

  /**
   * Lets nothing more through on the connections that there are, neither bytes nor the end of one: like TCP whose other
   * end has lost its power. Those that come later are not touched. Returns how many.
   */
  stall(directions: readonly Direction[] = ["up", "down"], most = Infinity): number {
    const victims = this.#choose(most);
    for (const pair of victims) for (const direction of directions) pair.pipe(direction).stall();
    return victims.length;
  }

  /** Lets all through again. */
  flow(): void {
    for (const { up, down } of this.pairs) {
      up.flow();
      down.flow();
    }
  }

  /** Ends all connections, and itself. */
  async stop(): Promise<void> {
    for (const pair of this.pairs) pair.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    client.on("error", () => {});
    if (this.refusing) {
      this.counts.refused++;
      client.resetAndDestroy();
      return;
    }
    this.counts.accepted++;
    this.arrivals.push(performance.timeOrigin + performance.now());
    const server = connect({ port: this.#target, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    server.on("error", () => {});
    const pair = new Pair(this, client, server);
    this.pairs.add(pair);
    for (const pipe of [pair.up, pair.down]) pipe.ontake = (length) => this.#cutNow(pair, pipe, length);
  }

  /** Whether this is the piece at which to cut; then it is done. */
  #cutNow(pair: Pair, pipe: Pipe, length: number): boolean {
    if (this.#due === 0 || pair.doomed || !this.random.chance(WHICH)) return false;
    this.#due--;
    pair.doomed = true;
    this.counts.cut++;
    this.counts.midway++;
    // What was handed to TCP goes out before its end does.
    pipe.sendThen(this.random.below(length), () => pair.destroy());
    return true;
  }

  #choose(most: number): Pair[] {
    const all = [...this.pairs];
    if (most >= all.length) return all;
    return Array.from({ length: most }, () => all.splice(this.random.below(all.length), 1)[0]!);
  }
}
