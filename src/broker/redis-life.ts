import type { Clock } from "../wire/clock.ts";
import { fromUtf8 } from "../wire/utf8.ts";
import type { RedisLine } from "./redis-line.ts";
import type { RedisNames } from "./redis-names.ts";
import { beatScript, forgetScript, setScript, takeOutScript } from "./redis-scripts.ts";

/** What part of its lease a node lets pass before it says again that it is alive. */
const PART = 5;

/**
 * Says that a node is alive, and takes out what those have entered that are not. A node that was held up for longer than its
 * lease begins another life, since what it has entered in the last one may be on its way out.
 */
export class RedisLife {
  readonly node: string;
  readonly #line: RedisLine;
  readonly #names: RedisNames;
  readonly #clock: Clock;
  readonly #lease: number;
  #life = 0;
  #begun: Promise<unknown> | undefined;
  /** When this node first took out what a life that is over has entered. */
  readonly #over = new Map<string, number>();

  constructor(node: string, line: RedisLine, names: RedisNames, clock: Clock, lease: number) {
    this.node = node;
    this.#line = line;
    this.#names = names;
    this.#clock = clock;
    this.#lease = lease;
  }

  /** How often `beat` is to be called, in ms. */
  get interval(): number {
    return this.#lease / PART;
  }

  /** The number of this life. */
  get number(): string {
    return String(this.#life);
  }

  /** What this life is called in Redis. */
  get name(): string {
    return `${this.node}.${this.#life}`;
  }

  /** Begins to live, unless it does. */
  async begin(): Promise<string> {
    this.#begun ??= this.#say(true);
    try {
      await this.#begun;
    } catch (error) {
      this.#begun = undefined;
      throw error;
    }
    return this.number;
  }

  /**
   * Says that this node is alive, if it has begun to live, and looks after the others.
   *
   * @returns whether another life had to begin, in which nothing is entered yet
   */
  async beat(): Promise<boolean> {
    const [alive, over] = await this.#say(false);
    const begins = this.#begun !== undefined && !alive;
    if (begins) {
      this.#begun = undefined;
      await this.begin();
    }
    for (const name of over) if (name !== this.name) await this.#takeOut(name);
    for (const name of this.#over.keys()) if (!over.includes(name)) this.#over.delete(name);
    return begins;
  }

  /** Lives no more, and has entered nothing. */
  async end(): Promise<void> {
    if (this.#begun === undefined) return;
    await this.#line.run(setScript, [this.#names.entered(this.name)], ["!"]);
    await this.#line.run(forgetScript, [this.#names.lives], [this.name, ""]);
  }

  async #say(begins: boolean): Promise<[alive: boolean, over: string[]]> {
    if (begins) this.#life++;
    const name = this.#begun !== undefined || begins ? this.name : "";
    const ms = Math.ceil(this.#lease + this.interval);
    const answer = await this.#line.run(beatScript, [this.#names.lives], [name, ms, begins ? "1" : "0"]);
    const [alive, over] = answer as [number, Uint8Array[]];
    return [alive === 1, over.map(fromUtf8)];
  }

  /**
   * Once, and once more when nothing can be under way any more of what the node has sent before it found out. Any number of
   * nodes may do so at once, and any of them may be gone in the middle of it: the life is forgotten last.
   */
  async #takeOut(name: string): Promise<void> {
    const first = this.#over.get(name);
    const again = first !== undefined && this.#clock.now() - first > this.#lease;
    if (first !== undefined && !again) return;
    const [node = "", life = ""] = name.split(".");
    const channels = (await this.#line.run(setScript, [this.#names.entered(name)], ["?"])) as Uint8Array[];
    for (const channel of channels.map(fromUtf8)) {
      const keys = [this.#names.roll(channel), this.#names.version(channel)];
      let cursor = "0";
      do {
        const args = [this.#names.live(channel), node, life, cursor];
        cursor = fromUtf8((await this.#line.run(takeOutScript, keys, args)) as Uint8Array);
      } while (cursor !== "0");
    }
    if (again) {
      await this.#line.run(setScript, [this.#names.entered(name)], ["!"]);
      await this.#line.run(forgetScript, [this.#names.lives], [name, "over"]);
    } else this.#over.set(name, this.#clock.now());
  }
}
