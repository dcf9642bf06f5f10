import { isPrismError } from "../../mod.ts";
import { nameStream, type Stream, writeItem } from "./channel-ledger.ts";
import { enterHall, type Lobby } from "./listener.ts";

/** What somebody publishes. */
export interface Speech {
  readonly channel: string;
  /** Messages a second. */
  readonly rate: number;
  /** Whether by `publish`, or by a call that has the server publish. */
  readonly by: "publish" | "post";
}

/** A client that publishes one message after the other was acknowledged. */
export class Speaker {
  readonly client: ReturnType<typeof enterHall>;
  readonly #speech: Speech;
  readonly #name: string;
  readonly #lobby: Lobby;
  readonly #streams: Map<string, Stream>;
  /** How many failed, by their codes. */
  readonly #codes: Map<string, number>;
  #over = false;
  #moved = false;
  #running: Promise<void> | undefined;

  /**
   * @param streams where its streams are noted
   * @param codes where failures are
   */
  constructor(
    url: string,
    name: string,
    speech: Speech,
    lobby: Lobby,
    streams: Map<string, Stream>,
    codes: Map<string, number>,
  ) {
    this.#speech = speech;
    this.#name = name;
    this.#lobby = lobby;
    this.#streams = streams;
    this.#codes = codes;
    this.client = enterHall(url, name, lobby);
    // Of what two servers publish without offsets either may come first.
    for (const event of ["reset", "resumed"] as const)
      this.client.connection.on(event, () => void (this.#moved = true));
  }

  start(): void {
    this.#over = false;
    this.#running ??= this.#run();
  }

  /** Settles when the last that it has published is acknowledged, or not. */
  async stop(): Promise<void> {
    this.#over = true;
    await this.#running;
    this.#running = undefined;
  }

  async #run(): Promise<void> {
    const { channel, rate } = this.#speech;
    const { tally } = this.#lobby;
    while (!this.#over) {
      const name = nameStream(this.#name);
      const stream: Stream = { channel, acknowledged: 0, tried: 0 };
      this.#streams.set(name, stream);
      this.#moved = false;
      try {
        while (!this.#over && !this.#moved) {
          await this.#publish(writeItem(name, stream.tried++));
          stream.acknowledged++;
          tally.published++;
          await pause(rate);
        }
      } catch (error) {
        tally.failed++;
        const code = isPrismError(error) ? error.code : String(error);
        this.#codes.set(code, (this.#codes.get(code) ?? 0) + 1);
        await pause(rate);
      }
    }
  }

  async #publish(text: string): Promise<void> {
    const { channel, by } = this.#speech;
    const [kind, room] = channel.split("/") as ["kept", string];
    const { rooms, calls } = this.client;
    if (by === "publish") await rooms.channel(`${kind}/:room`, { room }).publish(text);
    else await calls.post([channel, text]);
  }
}

function pause(rate: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1_000 / rate));
}
