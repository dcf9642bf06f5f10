import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
// @ts-types="npm:@types/ws"
import type { WebSocket } from "ws";
import type { Socket } from "../src/socket/socket.ts";

const OPEN = 1;
const EMPTY = Buffer.alloc(0);
const ignore = (): void => {};

// What closed a socket from our side, by the error of `ws`; all else that it finds is a breach of RFC 6455.
const errorCodes: ReadonlyMap<string, number> = new Map([
  ["WS_ERR_INVALID_UTF8", 1007],
  ["WS_ERR_TOO_MANY_BUFFERED_PARTS", 1008],
  ["WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH", 1009],
  ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", 1009],
]);

/** A frame longer than this is not kept, in bytes: it may be the last for a long time. */
const MAX_KEPT = 65_536;
let lastData: string | Uint8Array | undefined;
let lastFrame = EMPTY;

/** An unmasked frame (RFC 6455 section 5.2). The last one is kept: a publication goes to many sockets, as the same packet. */
function toFrame(data: string | Uint8Array): Buffer {
  if (data === lastData) return lastFrame;
  const text = typeof data === "string";
  const length = text ? Buffer.byteLength(data) : data.length;
  const start = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(start + length);
  frame[0] = text ? 0x81 : 0x82;
  frame[1] = start === 2 ? length : start === 4 ? 126 : 127;
  if (start === 4) frame.writeUInt16BE(length, 2);
  if (start === 10) frame.writeBigUInt64BE(BigInt(length), 2);
  if (text) frame.write(data, start);
  else frame.set(data, start);
  if (length <= MAX_KEPT) {
    lastData = data;
    lastFrame = frame;
  }
  return frame;
}

const CARRIED: unique symbol = Symbol("prism");
/** A WebSocket of `ws` that knows what it was made into. */
type Carrier = WebSocket & { [CARRIED]: NodeSocket };

/** A WebSocket of `ws` as a {@linkcode Socket}; where nothing is compressed, frames go past it to the TCP socket. */
export class NodeSocket implements Socket {
  onmessage: (data: string | Uint8Array) => void = ignore;
  onclose: (code: number, reason: string) => void = ignore;
  ondrain: () => void = ignore;

  readonly #ws: WebSocket;
  readonly #raw: Duplex;
  readonly #deflates: boolean;
  #code = 1006; // ours, once we closed
  #closed = false;
  #draining = false;
  #first: Buffer | undefined; // waits for the message that follows

  constructor(ws: WebSocket, raw: Duplex) {
    this.#ws = ws;
    this.#raw = raw;
    this.#deflates = ws.extensions !== "";
    (ws as Carrier)[CARRIED] = this;
    ws.on("message", NodeSocket.#onmessage);
    ws.on("error", NodeSocket.#onerror);
    ws.on("close", NodeSocket.#onclose);
  }

  // The same for all sockets: thousands of closures would be as much as all else that an idle connection keeps.
  static #onmessage(this: WebSocket, data: Buffer, binary: boolean): void {
    const socket = (this as Carrier)[CARRIED];
    if (socket.#closed) return; // `ws` goes on after close().
    socket.onmessage(binary ? new Uint8Array(data.buffer, data.byteOffset, data.length) : data.toString());
  }

  static #onerror(this: WebSocket, error: Error & { code?: string }): void {
    const socket = (this as Carrier)[CARRIED];
    socket.#closed = true; // `ws` closes it.
    if (error.code?.startsWith("WS_ERR_")) socket.#code = errorCodes.get(error.code) ?? 1002;
  }

  static #onclose(this: WebSocket, code: number, reason: Buffer): void {
    const socket = (this as Carrier)[CARRIED];
    socket.#closed = true;
    socket.onclose(code === 1006 ? socket.#code : code, reason.toString());
  }

  get protocol(): string | undefined {
    return this.#ws.protocol || undefined;
  }

  get bufferedAmount(): number {
    return this.#ws.bufferedAmount;
  }

  send(data: string | Uint8Array, more = false): void {
    if (this.#closed || this.#ws.readyState !== OPEN) return;
    if (this.#deflates) {
      this.#draining = true;
      this.#ws.send(data, (error) => this.#written(error));
      return;
    }
    const frame = toFrame(data);
    if (more) {
      this.#first = frame;
      return;
    }
    // Two small writes are two system calls, and two packets of TCP.
    this.#raw.write(this.#first === undefined ? frame : Buffer.concat([this.#first, frame]));
    this.#first = undefined;
    if (!this.#draining && this.#ws.bufferedAmount > 0) this.#awaitDrain();
  }

  close(code?: number, reason?: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#code = code ?? 1005;
    try {
      this.#ws.close(code, reason);
    } catch {
      this.#ws.close((this.#code = 4004));
    }
  }

  // The stream's own "drain" comes only after its high-water mark was passed; an empty write's callback always comes.
  #awaitDrain(): void {
    this.#draining = true;
    this.#raw.write(EMPTY, (error) => this.#written(error));
  }

  #written(error: Error | null | undefined): void {
    if (error || this.#closed || !this.#draining) return;
    if (this.#ws.bufferedAmount === 0) {
      this.#draining = false;
      this.ondrain();
    } else if (!this.#deflates) this.#awaitDrain();
  }
}
