import type { Connection } from "./connection.ts";
import type { Dialect } from "./dialect.ts";
import { toClientFrame } from "./frames.ts";

/** After how many replies, bytes or ms they are acknowledged, as Prism's own client does (PROTOCOL.md, "Counting"). */
const REPLIES = 64;
const BYTES = 65_536;
const WITHIN = 1_000;

/** What one connection has received and not yet acknowledged. */
export class Acknowledgements {
  readonly #connection: Connection;
  readonly #write: (count: number) => string;
  #received = 0;
  #bytes = 0;
  #told = 0;
  #waited = false;

  constructor(connection: Connection, write: (count: number) => string) {
    this.#connection = connection;
    this.#write = write;
  }

  /** @returns the frame that is due, if one is */
  take(replies: number, bytes: number): Buffer | undefined {
    this.#received += replies;
    this.#bytes += bytes;
    if (this.#received - this.#told < REPLIES && this.#bytes < BYTES) return undefined;
    return this.#say();
  }

  /** Called each time `WITHIN` ms have passed. */
  remind(): void {
    if (this.#received === this.#told) return;
    // What came just now may wait until the next time.
    if (this.#waited) this.#connection.socket.write(this.#say());
    else this.#waited = true;
  }

  #say(): Buffer {
    this.#told = this.#received;
    this.#bytes = 0;
    this.#waited = false;
    return toClientFrame(this.#write(this.#received));
  }
}

/** Has all acknowledge in time, until the returned function is called. */
export function remindAll(all: readonly (Acknowledgements | undefined)[], dialect: Dialect): () => void {
  if (dialect.acknowledge === undefined) return () => {};
  const timer = setInterval(() => {
    for (const one of all) one?.remind();
  }, WITHIN / 2);
  return () => clearInterval(timer);
}
