import { Buffer } from "node:buffer";
import { upgradeRequest } from "../adapters/raw-client.ts";
import { call, Enemy, text, type Welcome } from "../hostile/enemy.ts";
import { readNumber, writeNumber } from "../../src/wire/numbers.ts";

/** How calls ended: how many in which way, `ok` among them. */
export type Ends = Map<string, number>;

/** A close frame with 1000. */
const GOODBYE = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);
/** How many calls are under way at a time: fewer than are allowed, so that another bound is met. */
const AT_A_TIME = 500;
/** How long a flood may take, in ms. */
const PATIENCE = 60_000;

/** Somebody who asks a pubsub service for far too much, and reads what is answered. */
export class Flooder {
  readonly #enemy: Enemy;
  readonly #service: number;
  readonly #free = Array.from({ length: AT_A_TIME }, (_, id) => id);
  readonly #ends: Ends = new Map();
  #done = 0;
  #wake = (): void => {};

  private constructor(enemy: Enemy, service: number) {
    this.#enemy = enemy;
    this.#service = service;
    enemy.tcp.on("data", () => this.#read());
    enemy.tcp.on("close", () => this.#wake());
  }

  static async enter(port: number, name: string): Promise<Flooder> {
    const headers = ["Sec-WebSocket-Protocol: prism.1", `X-Name: ${name}`];
    const enemy = new Enemy(port, upgradeRequest({ target: "/prism", headers }));
    const { services } = JSON.parse((await enemy.take("$")).slice(1)) as Welcome;
    enemy.send(text("%@"));
    enemy.acknowledges = true;
    return new Flooder(enemy, services["rooms"]![0]);
  }

  /** Its close code; `undefined` where there was none. */
  get closed(): Promise<number | undefined> {
    return this.#enemy.closed;
  }

  /**
   * Asks so often, and tells how all of that ended.
   *
   * @param write the n-th question, from 0
   * @throws {Error} The connection has ended, or answers do not come.
   */
  async ask(count: number, write: (n: number) => string): Promise<Ends> {
    this.#ends.clear();
    this.#done = 0;
    const deadline = performance.now() + PATIENCE;
    for (let n = 0; this.#done < count;) {
      while (n < count && this.#free.length > 0) {
        this.#enemy.send(text(`${call(this.#service, this.#free.pop()!)}${write(n++)}`));
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1_000);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      if (this.#enemy.tcp.destroyed) throw new Error(`Closed with ${await this.#enemy.closed} ${this.#enemy.reason}`);
      if (performance.now() > deadline) throw new Error(`${this.#done} of ${count} were answered`);
    }
    return new Map(this.#ends);
  }

  /** Asks for streams and takes nothing of them: how many were refused, and how many hang. */
  async hang(count: number, write: (n: number) => string): Promise<{ refused: Ends; hanging: number }> {
    this.#ends.clear();
    this.#done = 0;
    for (let n = 0; n < count; n++) this.#enemy.send(text(`${call(this.#service, AT_A_TIME + n)}${write(n)}`));
    // In one line with them.
    const free = this.#free.pop()!;
    this.#enemy.send(text(`${call(this.#service, free)}-@`));
    const deadline = performance.now() + PATIENCE;
    while (!this.#free.includes(free) && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const done = this.#done - 1;
    const refused = new Map([...this.#ends].filter(([end]) => end !== "ok"));
    return { refused, hanging: count - done };
  }

  /** Says goodbye, so that nobody waits for it. */
  async end(): Promise<void> {
    this.#enemy.send(GOODBYE);
    await this.#enemy.closed;
    this.#enemy.tcp.destroy();
  }

  #read(): void {
    for (const frame of this.#enemy.frames.splice(0)) {
      if (frame[0] !== "=" && frame[0] !== "!") continue;
      const cursor = { text: frame, at: 1 };
      const id = readNumber(cursor);
      if (id < AT_A_TIME) this.#free.push(id);
      const end = frame[0] === "=" ? "ok" : (JSON.parse(frame.slice(cursor.at)) as { code: string }).code;
      this.#ends.set(end, (this.#ends.get(end) ?? 0) + 1);
      this.#done++;
    }
    this.#wake();
  }
}

/** A subscription. */
export function writeSubscription(number: number, name: string): string {
  return `+${writeNumber(number)}${JSON.stringify({ c: name })}`;
}
