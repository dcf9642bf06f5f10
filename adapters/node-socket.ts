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

/** Bytes from here on go as they are, behind their header: to copy so many takes longer than to write two pieces. */
const MIN_LONG = 4_096;

/** An unmasked frame (RFC 6455 section 5.2). The last one is kept: a publication goes to many sockets, as the same packet. */
function toFrame(data: string | Uint8Array): Buffer {
  if (data === lastData) return lastFrame;
  const text = typeof data === "string";
  const length = text ? Buffer.byteLength(data) : data.length;
  const start = headerLength(length);
  const frame = Buffer.allocUnsafe(start + length);
  writeHeader(frame, text ? 0x81 : 0x82, length);
  if (text) frame.write(data, start);
  else frame.set(data, start);
  if (length <= MAX_KEPT) {
    lastData = data;
    lastFrame = frame;
  }
  return frame;
}

function headerLength(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
}

function writeHeader(frame: Buffer, first: number, length: number): void {
  const start = headerLength(length);
  frame[0] = first;
  frame[1] = start === 2 ? length : start === 4 ? 126 : 127;
  if (start === 4) frame.writeUInt16BE(length, 2);
  if (start === 10) frame.writeBigUInt64BE(BigInt(length), 2);
}

const CARRIED: unique symbol = Symbol("prism");
/** A WebSocket of `ws` that knows what it was made into. */
type Carrier = WebSocket & { [CARRIED]: NodeSocket };

/** A WebSocket of `ws` as a {@linkcode Socket}; where nothing is compressed, frames go past it to the TCP socket. */
export class NodeSocket implements Socket {
  onmessage: (data: string | Uint8Array) => void = ignore;
  onclose: (code: number, reason: string) => void = ignore;
  ondrain: () => void = ignore;
  owner: unknown = undefined;

  readonly #ws: WebSocket;
  readonly #raw: Duplex;
  readonly #open: Set<Duplex>;
  readonly #deflates: boolean;
  #code = 1006; // ours, once we closed
  #closed = false;
  #draining = false;
  #first: Buffer | undefined; // waits for the message that follows

  /**
   * @param ws the WebSocket
   * @param raw what it stands on
   * @param open those that are open: it is taken out when it is closed
   */
  constructor(ws: WebSocket, raw: Duplex, open: Set<Duplex>) {
    this.#ws = ws;
    this.#raw = raw;
    this.#open = open;
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
    socket.#open.delete(socket.#raw);
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
    if (more) {
      this.#first = toFrame(data);
      return;
    }
    const first = this.#first;
    this.#first = undefined;
    if (typeof data !== "string" && data.length >= MIN_LONG) this.#writeLong(data, first);
    else {
      const frame = toFrame(data);
      // Two small writes are two system calls, and two packets of TCP.
      this.#raw.write(first === undefined ? frame : Buffer.concat([first, frame]));
    }
    if (!this.#draining && this.#ws.bufferedAmount > 0) this.#awaitDrain();
  }

  #writeLong(data: Uint8Array, first: Buffer | undefined): void {
    const header = Buffer.allocUnsafe(headerLength(data.length));
    writeHeader(header, 0x82, data.length);
    this.#raw.cork();
    if (first !== undefined) this.#raw.write(first);
    this.#raw.write(header);
    this.#raw.write(data);
    this.#raw.uncork();
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
