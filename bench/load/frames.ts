/** A message of a WebSocket: text, or bytes. */
export type Message = string | Uint8Array;

/** What a client does to what it sends. A random one each time would cost the generator, and the server nothing; `ws` spares itself the work where it is all zeros. */
const MASK = Buffer.from([0x9d, 0x2c, 0x51, 0xe7]);

const FINAL = 0x80;
const MASKED = 0x80;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
export const PONG = 10;

/** Builds what a client writes for a message. */
export function toClientFrame(message: Message, opcode = typeof message === "string" ? TEXT : BINARY): Buffer {
  const payload = Buffer.from(message as string);
  const { length } = payload;
  const size = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(size + 4 + length);
  frame[0] = FINAL | opcode;
  frame[1] = MASKED | (size === 2 ? length : size === 4 ? 126 : 127);
  if (size === 4) frame.writeUInt16BE(length, 2);
  if (size === 10) frame.writeBigUInt64BE(BigInt(length), 2);
  MASK.copy(frame, size);
  for (let i = 0; i < length; i++) frame[size + 4 + i] = payload[i]! ^ MASK[i & 3]!;
  return frame;
}

/** Builds what a client writes for several messages. */
export function toClientFrames(messages: readonly Message[]): Buffer {
  return Buffer.concat(messages.map((message) => toClientFrame(message)));
}

/** Hears what a server's frames hold. */
export interface FrameSink {
  /** A message lies in `buffered` from `start` to `end`; it is gone when this returns. */
  takeMessage(buffered: Buffer, start: number, end: number, binary: boolean): void;
  /** The server pings, and wants this back. */
  takePing(payload: Buffer): void;
}

const EMPTY = Buffer.alloc(0);

/** Reads a server's frames from what TCP makes of them. */
export class FrameReader {
  readonly #sink: FrameSink;
  #rest: Buffer = EMPTY;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** @throws {Error} The server closes, compresses, or sends a message in pieces: then the figures would mean something else */
  read(chunk: Buffer): void {
    const buffered = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    const { length } = buffered;
    let at = 0;
    while (length >= at + 2) {
      const head = buffered[at]!;
      let size = buffered[at + 1]!;
      let start = at + 2;
      if (size === 126) {
        if (length < at + 4) break;
        size = buffered.readUInt16BE(at + 2);
        start = at + 4;
      } else if (size === 127) {
        if (length < at + 10) break;
        size = Number(buffered.readBigUInt64BE(at + 2));
        start = at + 10;
      }
      const end = start + size;
      if (length < end) break;
      if (head === (FINAL | TEXT)) this.#sink.takeMessage(buffered, start, end, false);
      else if (head === (FINAL | BINARY)) this.#sink.takeMessage(buffered, start, end, true);
      else this.#control(head, buffered.subarray(start, end));
      at = end;
    }
    // A copy: others read into the same buffer.
    this.#rest = at === length ? EMPTY : Buffer.from(buffered.subarray(at));
  }

  #control(head: number, payload: Buffer): void {
    if (head === (FINAL | PING)) return this.#sink.takePing(payload);
    if (head === (FINAL | PONG)) return;
    if (head !== (FINAL | CLOSE)) throw new Error(`Frame of kind 0x${head.toString(16)}`);
    throw new Error(
      `Closed with ${payload.length < 2 ? "nothing" : payload.readUInt16BE(0)} ${payload.toString("latin1", 2)}`,
    );
  }
}
