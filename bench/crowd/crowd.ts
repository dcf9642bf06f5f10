import { Client, Known } from "./client.ts";
import { type Dialect, toFrame } from "./dialect.ts";

/** How many come in at once, where it is not a storm. */
const TOGETHER = 100;
/** How long the last deliveries may take, in ms. */
const SETTLED_WITHIN = 20_000;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Many clients of one server. */
export class Crowd {
  readonly clients: Client[] = [];
  readonly #port: number;
  readonly #dialect: Dialect;
  readonly #room: boolean;
  readonly #known: Known;

  /**
   * @param port the server's
   * @param dialect how they talk
   * @param room whether they want to be in its room
   */
  constructor(port: number, dialect: Dialect, room: boolean) {
    this.#port = port;
    this.#dialect = dialect;
    this.#room = room;
    this.#known = new Known(dialect.separator);
  }

  /**
   * Lets clients in until there are so many.
   *
   * @param size how many there are then
   * @param together how many are on their way in at once
   * @param claims what those who come back come with
   */
  async grow(size: number, together = TOGETHER, claims: readonly string[] = []): Promise<void> {
    const [port, dialect, room, known] = [this.#port, this.#dialect, this.#room, this.#known];
    const first = this.clients.length;
    let next = first;
    const letIn = async (): Promise<void> => {
      while (next < size) {
        const place = next++;
        const client = new Client({ port, dialect, room, place, known, claim: claims[place - first] });
        this.clients[place] = client;
        await client.entered;
      }
    };
    await Promise.all(Array.from({ length: together }, letIn));
  }

  /** Units received, by all of them. */
  get received(): number {
    return this.clients.reduce((sum, { received }) => sum + received, 0);
  }

  /**
   * One publishes, and publishes the next when its own has come to it.
   *
   * @param inFlight how many are under way at once
   * @returns what ends it: resolves when all that was published has come to everybody
   * @throws {Error} Somebody was not sent one, or was sent one too many.
   */
  async publish(inFlight: number): Promise<() => Promise<void>> {
    const [publisher] = this.clients as [Client];
    const { publish, isPublication } = this.#dialect;
    const frames = publish.map(toFrame);
    if (this.#known.unit === "") {
      // What a publication looks like as it comes is learned from one.
      const first = new Promise<string>((resolve) => {
        publisher.onframe = (frame) => isPublication(frame) && resolve(frame);
      });
      publisher.socket.write(frames[0]!);
      this.#known.learn(await first);
      publisher.onframe = () => {};
      await wait(200);
    }
    const before = this.clients.map(({ received }) => received);
    let running = true;
    let published = 0;
    const send = (count: number): void => {
      const some = Array.from({ length: count }, () => frames[published++ % frames.length]!);
      publisher.socket.write(some.length === 1 ? some[0]! : Buffer.concat(some));
    };
    publisher.onunits = (count) => running && send(count);
    send(inFlight);
    return async () => {
      running = false;
      const until = performance.now() + SETTLED_WITHIN;
      const wrong = (): number => this.clients.findIndex(({ received }, i) => received - before[i]! !== published);
      while (wrong() >= 0 && performance.now() < until) await wait(20);
      // One too many would come now.
      await wait(20);
      const place = wrong();
      if (place < 0) return;
      const got = this.clients[place]!.received - before[place]!;
      throw new Error(`${published} were published, client ${place} received ${got}`);
    };
  }

  /**
   * All of them call, and call again when they are answered.
   *
   * @param calls what they call in turn, each beginning with another
   * @returns what ends it: resolves when all calls are answered
   * @throws {Error} A call was not answered as it should be.
   */
  call(calls: readonly string[] = [this.#dialect.call]): () => Promise<void> {
    const frames = calls.map(toFrame);
    this.#known.learn(this.#dialect.reply);
    let running = true;
    let open = 0;
    for (const [place, client] of this.clients.entries()) {
      let next = place;
      client.onframe = (frame) => {
        if (frame.startsWith("!")) throw new Error(`A call failed: ${frame}`);
      };
      client.onunits = () => {
        if (running) client.socket.write(frames[next++ % frames.length]!);
        else open--;
      };
      client.socket.write(frames[next++ % frames.length]!);
      open++;
    }
    return async () => {
      running = false;
      const until = performance.now() + SETTLED_WITHIN;
      const isSettled = (): boolean => open === 0;
      while (!isSettled() && performance.now() < until) await wait(10);
      if (!isSettled()) throw new Error(`${open} calls were not answered`);
    };
  }

  /** What its clients would come back with, where the system knows such a thing. */
  claims(): string[] {
    const { claim } = this.#dialect;
    return claim === undefined ? [] : this.clients.map(({ opening, frames }) => claim(opening, frames));
  }

  close(): void {
    for (const { socket } of this.clients) socket.destroy();
  }
}
