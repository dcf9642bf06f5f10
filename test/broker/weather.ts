import { createMemoryHub, memoryBroker } from "../../src/broker/memory-broker.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { createRandom } from "../../src/testing/random.ts";
import type { FeedListener } from "../../src/broker/feed.ts";
import type { Broker, Position } from "../../src/broker/broker.ts";
import type { Body } from "../../src/wire/frames.ts";
import { Shim, type Faults } from "./shim.ts";

/** Some nodes behind shims, at an engine that can be replaced. */
export class Weather {
  readonly clock: FakeClock;
  readonly random: () => number;
  readonly nodes: Shim[];
  /** Hears of the epoch of each channel that is read, in the order in which the engine has named them. */
  named: (channel: string, epoch: string) => void = () => {};
  #hub;

  constructor(seed: number, count: number, faults: Partial<Faults> = {}) {
    this.clock = new FakeClock({ seed });
    this.random = createRandom(seed);
    this.#hub = createMemoryHub(this.clock);
    this.nodes = Array.from({ length: count }, () => new Shim(this.#open(), this.clock, this.random, faults));
  }

  #open(): Broker {
    const broker = memoryBroker({ clock: this.clock, hub: this.#hub });
    return {
      ...broker,
      read: async (channel, request) => {
        const page = await broker.read(channel, request);
        this.named(channel, page.position.epoch);
        return page;
      },
    };
  }

  /** A whole number from 0 up to, not including, one. */
  upTo(number: number): number {
    return Math.floor(this.random() * number);
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[this.upTo(values.length)]!;
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  /** The engine has lost all that it knew. */
  async wipe(): Promise<void> {
    this.#hub = createMemoryHub(this.clock);
    for (const node of this.nodes) await node.replace(this.#open());
  }

  /** Lets time go by in which nobody listens, and nothing is published: what is too old may be forgotten as a whole. */
  async rest(ms: number): Promise<void> {
    const again = this.nodes.map((node) => node.rest());
    await this.clock.advance(ms);
    for (const go of again) await go();
  }

  /** Ends all faults, and lets what is under way be done. */
  async clear(): Promise<void> {
    for (const node of this.nodes) {
      Object.assign(node.faults, { duplicate: 0, reorder: 0, late: 0, slow: 0, fail: 0 });
      node.heal();
    }
    await this.clock.advance(20_000);
  }
}

/** What a feed has told: a message, or a move. */
export type Told =
  | { readonly body: Body; readonly offset: number | undefined }
  | { readonly position: Position | undefined; readonly lost: boolean };

/** Notes what a feed tells. */
export class Notes implements FeedListener {
  readonly told: Told[] = [];

  message(body: Body, offset: number | undefined): void {
    this.told.push({ body, offset });
  }

  moved(position: Position | undefined, lost: boolean): void {
    this.told.push({ position, lost });
  }

  get bodies(): Body[] {
    return this.told.flatMap((one) => ("body" in one ? [one.body] : []));
  }

  get gaps(): number {
    return this.told.filter((one) => "lost" in one && one.lost).length;
  }
}
