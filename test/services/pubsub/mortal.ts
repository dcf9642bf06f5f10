import type { Broker, ChannelListener, Eventually, Page, PageRequest, Position } from "../../../src/broker/broker.ts";
import type { Retention, Roll } from "../../../src/broker/broker.ts";
import type { Body } from "../../../src/wire/frames.ts";

/** What nobody is going to answer. */
const never = (): Promise<never> => new Promise(() => {});

/** The broker of a node that can be killed: it then does nothing more, says no goodbye, and leaves all to its lease. */
export class Mortal implements Broker {
  readonly #inner: Broker;
  #dead = false;

  constructor(inner: Broker) {
    this.#inner = inner;
  }

  get node(): string {
    return this.#inner.node;
  }

  get exact(): boolean | undefined {
    return this.#inner.exact;
  }

  get lease(): number {
    return this.#inner.lease;
  }

  kill(): void {
    if (this.#dead) return;
    this.#dead = true;
    void this.#inner.close(true);
  }

  publish(channel: string, body: Body, retention?: Retention): Eventually<Position | undefined> {
    return this.#dead ? never() : this.#inner.publish(channel, body, retention);
  }

  subscribe(channel: string, listener: ChannelListener): Eventually<() => void> {
    return this.#dead ? never() : this.#inner.subscribe(channel, listener);
  }

  read(channel: string, request: PageRequest): Eventually<Page> {
    return this.#dead ? never() : this.#inner.read(channel, request);
  }

  enter(channel: string, key: string, state: string): Eventually<void> {
    return this.#dead ? never() : this.#inner.enter(channel, key, state);
  }

  leave(channel: string, key: string): Eventually<void> {
    return this.#dead ? never() : this.#inner.leave(channel, key);
  }

  roll(channel: string): Eventually<Roll> {
    return this.#dead ? never() : this.#inner.roll(channel);
  }

  close(keep?: boolean): Eventually<void> {
    if (!this.#dead) return this.#inner.close(keep);
  }
}
