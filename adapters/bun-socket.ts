import type { Admission } from "../src/server/admission.ts";
import { serverClock } from "../src/server/clock.ts";
import type { Socket } from "../src/socket/socket.ts";

/** What is used of Bun's `ServerWebSocket`. */
export interface BunWebSocket {
  /** What the upgrade was given. */
  readonly data: unknown;
  /** Sends a message; answers the bytes sent, -1 if they wait, 0 if they were dropped. */
  send(data: string | Uint8Array): number;
  /** Runs something whose messages are handed to the network together. */
  cork(send: () => void): void;
  /** Sends a close frame. */
  close(code?: number, reason?: string): void;
  /** Cuts the connection. */
  terminate(): void;
  /** How many bytes wait. */
  getBufferedAmount(): number;
}

const ignore = (): void => {};

// What Bun finds wrong it says in words, beside code 1006, though it tells the peer the right one.
const complaints: ReadonlyMap<string, number> = new Map([
  ["Received too big message", 1009],
  ["Received invalid UTF-8", 1007],
]);

/** A `ServerWebSocket` of Bun's as a {@linkcode Socket}. */
export class BunSocket implements Socket {
  readonly protocol: string | undefined;
  onmessage: (data: string | Uint8Array) => void = ignore;
  onclose: (code: number, reason: string) => void = ignore;
  ondrain: () => void = ignore;
  owner: unknown = undefined;

  readonly admission: Admission;
  #ws!: BunWebSocket;
  #first: string | Uint8Array | undefined; // waits for the message that follows
  #closed = false;
  #closing = false; // within our own close or send, from which Bun calls its handler

  constructor(admission: Admission) {
    this.admission = admission;
    this.protocol = admission.protocol;
  }

  get bufferedAmount(): number {
    return this.#closed ? 0 : this.#ws.getBufferedAmount();
  }

  send(data: string | Uint8Array, more = false): void {
    if (this.#closed) return;
    if (more) {
      this.#first = data;
      return;
    }
    if (this.#first === undefined) return this.#send(data);
    const first = this.#first;
    this.#first = undefined;
    // Two small writes are two system calls, and two packets of TCP.
    this.#ws.cork(() => {
      this.#send(first);
      this.#send(data);
    });
  }

  #send(data: string | Uint8Array): void {
    if (this.#closed) return;
    // An empty message counts 0 bytes, too.
    if (this.#ws.send(data) !== 0 || data.length === 0) return;
    this.#closed = this.#closing = true;
    this.#ws.terminate();
    this.#closing = false;
  }

  close(code?: number, reason?: string): void {
    if (this.#closed) return;
    this.#closed = this.#closing = true;
    this.#ws.close(code, reason);
    this.#closing = false;
  }

  handleOpen(ws: BunWebSocket): void {
    this.#ws = ws;
    this.admission.open(this);
  }

  handleMessage(data: string | Uint8Array): void {
    if (this.#closed) return;
    this.onmessage(typeof data === "string" ? data : new Uint8Array(data.buffer, data.byteOffset, data.length));
  }

  handleDrain(): void {
    if (!this.#closed && this.#ws.getBufferedAmount() === 0) this.ondrain();
  }

  handleClose(code: number, reason: string): void {
    this.#closed = true;
    const actual = code === 1006 && reason.startsWith("Received ") ? (complaints.get(reason) ?? 1002) : code;
    if (this.#closing) serverClock.afterTurn(() => this.onclose(actual, reason));
    else this.onclose(actual, reason);
  }
}
