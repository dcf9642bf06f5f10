import { nameStream, type Stream, writeItem } from "../../channel-ledger.ts";

/** Publishes, as a server does of its own accord: one message after the other was answered. */
export class Producer {
  readonly streams: Map<string, Stream> = new Map();
  readonly #name: string;
  readonly #publish: (channel: string, text: string) => Promise<unknown>;
  readonly #running: Promise<void>[] = [];
  #over = false;

  constructor(name: string, publish: (channel: string, text: string) => Promise<unknown>) {
    this.#name = name;
    this.#publish = publish;
  }

  /** Publishes so many messages a second, until it is told to stop. */
  start(channel: string, rate: number): void {
    this.#over = false;
    this.#running.push(this.#run(channel, rate));
  }

  /** Stops; what it knows by then. */
  async stop(): Promise<Record<string, Stream>> {
    this.#over = true;
    await Promise.all(this.#running.splice(0));
    return Object.fromEntries(this.streams);
  }

  async #run(channel: string, rate: number): Promise<void> {
    while (!this.#over) {
      const name = nameStream(`${this.#name}:${channel}`);
      const stream: Stream = { channel, acknowledged: 0, tried: 0 };
      this.streams.set(name, stream);
      try {
        while (!this.#over) {
          await this.#publish(channel, writeItem(name, stream.tried++));
          stream.acknowledged++;
          await new Promise((resolve) => setTimeout(resolve, 1_000 / rate));
        }
      } catch {
        // Nobody knows whether it was published: the next begins another stream.
        await new Promise((resolve) => setTimeout(resolve, 1_000 / rate));
      }
    }
  }
}
