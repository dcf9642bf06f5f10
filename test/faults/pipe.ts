import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";

/** How much may wait for its time, in bytes, before no more is read. */
const MOST_HELD = 1_048_576;

/** What is held back: bytes, or the end. */
interface Held {
  readonly due: number;
  readonly chunk: Buffer | undefined;
}

/** One direction of a proxy's connection. */
export class Pipe {
  /** Told how many bytes went through. */
  onbytes: (count: number) => void = () => {};
  /** Told when either end is closed. */
  ongone: () => void = () => {};
  /** Asked about each piece before it goes through; true where it has been seen to. */
  ontake: (length: number) => boolean = () => false;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #times: { readonly delay: number };
  readonly #held: Held[] = [];
  #heldBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #stalled = false;
  #taken: Buffer | undefined;
  /** How the sending end was closed, where that has not been passed on. */
  #closed: "closed" | "reset" | undefined;

  constructor(from: Socket, to: Socket, times: { readonly delay: number }) {
    this.#from = from;
    this.#to = to;
    this.#times = times;
    from.on("data", (chunk: Buffer) => this.#take(chunk));
    from.on("end", () => this.#hold(undefined));
    from.on("error", ({ code }: NodeJS.ErrnoException) => {
      if (code === "ECONNRESET" || code === "ECONNREFUSED") this.#closed = "reset";
    });
    from.on("close", () => {
      this.#closed ??= "closed";
      this.#passClose();
      this.ongone();
    });
    to.on("drain", () => this.#read());
  }

  /** Lets nothing through, until `flow`. */
  stall(): void {
    this.#stalled = true;
    this.#from.pause();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  flow(): void {
    this.#stalled = false;
    this.#advance();
    this.#read();
    this.#passClose();
  }

  /** Sends the first bytes of the piece that `ontake` was asked about, then does something. */
  sendThen(count: number, then: () => void): void {
    const part = this.#taken!.subarray(0, count);
    this.#from.pause();
    if (part.length === 0) return then();
    this.onbytes(part.length);
    this.#to.write(part, then);
  }

  #take(chunk: Buffer): void {
    this.#taken = chunk;
    if (this.ontake(chunk.length)) return;
    if (this.#times.delay === 0 && this.#held.length === 0 && !this.#stalled) this.#send(chunk);
    else this.#hold(chunk);
  }

  #hold(chunk: Buffer | undefined): void {
    this.#held.push({ due: performance.now() + this.#times.delay, chunk });
    this.#heldBytes += chunk?.length ?? 0;
    if (this.#heldBytes > MOST_HELD) this.#from.pause();
    this.#advance();
  }

  #advance(): void {
    if (this.#stalled || this.#timer !== undefined) return;
    for (let first = this.#held[0]; first !== undefined; first = this.#held[0]) {
      const left = first.due - performance.now();
      if (left > 0) {
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          this.#advance();
        }, left);
        return;
      }
      this.#held.shift();
      if (first.chunk === undefined) this.#to.end();
      else {
        this.#heldBytes -= first.chunk.length;
        this.#send(first.chunk);
      }
    }
    this.#read();
  }

  #send(chunk: Buffer): void {
    if (this.#to.destroyed) return;
    this.onbytes(chunk.length);
    if (!this.#to.write(chunk)) this.#from.pause();
  }

  #read(): void {
    if (!this.#stalled && this.#heldBytes <= MOST_HELD && !this.#to.writableNeedDrain) this.#from.resume();
  }

  #passClose(): void {
    if (this.#closed === undefined || this.#stalled || this.#to.destroyed) return;
    if (this.#closed === "reset") this.#to.resetAndDestroy();
    // What was sent before goes first.
    else if (this.#held.length === 0) this.#to.end(() => this.#to.destroySoon());
    else this.#hold(undefined);
  }
}
