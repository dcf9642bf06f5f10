import { createMemoryHub, memoryBroker } from "../../src/broker/memory-broker.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { createRandom } from "../../src/testing/random.ts";
import type { FeedListener } from "../../src/broker/feed.ts";
import type { Position } from "../../src/broker/broker.ts";
import type { Body } from "../../src/wire/frames.ts";
import { Shim, type Faults } from "./shim.ts";

/** Some nodes behind shims, at an engine that can be replaced. */
export class Weather {
  readonly clock: FakeClock;
  readonly random: () => number;
  readonly nodes: Shim[];
  #hub;

  constructor(seed: number, count: number, faults: Partial<Faults> = {}) {
    this.clock = new FakeClock({ seed });
    this.random = createRandom(seed);
    this.#hub = createMemoryHub(this.clock);
    this.nodes = Array.from(
      { length: count },
      () => new Shim(memoryBroker({ clock: this.clock, hub: this.#hub }), this.clock, this.random, faults),
    );
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
    const hub = this.#hub;
    for (const node of this.nodes) await node.replace(memoryBroker({ clock: this.clock, hub }));
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
  | { readonly position: Position | undefined; readonly lost: boolean; readonly stamp?: number };

/** Notes what a feed tells. */
export class Notes implements FeedListener {
  readonly told: Told[] = [];
  readonly #stamp: (() => number) | undefined;

  /** @param stamp what is noted beside a move */
  constructor(stamp?: () => number) {
    this.#stamp = stamp;
  }

  message(body: Body, offset: number | undefined): void {
    this.told.push({ body, offset });
  }

  moved(position: Position | undefined, lost: boolean): void {
    this.told.push(this.#stamp === undefined ? { position, lost } : { position, lost, stamp: this.#stamp() });
  }

  get bodies(): Body[] {
    return this.told.flatMap((one) => ("body" in one ? [one.body] : []));
  }

  get gaps(): number {
    return this.told.filter((one) => "lost" in one && one.lost).length;
  }
}
