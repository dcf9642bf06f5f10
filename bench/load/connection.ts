import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import type { Dialect, Step } from "./dialect.ts";
import { FrameReader, type FrameSink, PONG, toClientFrame, toClientFrames } from "./frames.ts";

/** Who hears what comes to a connection. */
export interface Listener {
  /** A message lies in `buffered` from `start` to `end`. */
  onmessage(buffered: Buffer, start: number, end: number, binary: boolean): void;
  /** All messages that came at once were told. */
  onturn(): void;
  /** It is of no use any more: the server hung up, or sent what is wrong. What was measured is void. */
  onfailure(error: Error): void;
}

/** How a connection is opened. */
export interface OpenOptions {
  /** Its place among thousands: each 8th has the same address, since an address has 28,000 ports. */
  readonly place?: number;
  /** What is said after the dialect's `hello`. */
  readonly join?: readonly Step[];
}

/** What is hung up on after so long, in ms, when it has not said hello. */
const WITHIN = 30_000;
/** What all of them read into, one after the other: a stream of buffers would cost the generator as much again. */
const buffer: Buffer = Buffer.alloc(262_144);

const nobody: Listener = {
  onmessage: () => {},
  onturn: () => {},
  onfailure(error) {
    process.nextTick(() => {
      throw error;
    });
  },
};

/** One client's WebSocket over plain TCP: it writes frames that were built beforehand. */
export class Connection implements FrameSink {
  readonly socket: Socket;
  listener: Listener = nobody;
  readonly #dialect: Dialect;
  readonly #steps: readonly Step[];
  readonly #reader: FrameReader = new FrameReader(this);
  readonly #opened: () => void;
  readonly #failed: (error: Error) => void;
  #head: Buffer | undefined = Buffer.alloc(0);
  #step = 0;
  #ready = false;

  private constructor(
    port: number,
    dialect: Dialect,
    { place, join = [] }: OpenOptions,
    opened: () => void,
    failed: (error: Error) => void,
  ) {
    this.#dialect = dialect;
    this.#steps = [...dialect.hello, ...join];
    this.#opened = opened;
    this.#failed = failed;
    const localAddress = place === undefined ? {} : { localAddress: `127.0.0.${2 + (place % 8)}` };
    const onread = { buffer, callback: (size: number) => this.#take(buffer.subarray(0, size)) };
    const socket = (this.socket = connect({ port, host: "127.0.0.1", noDelay: true, onread, ...localAddress }));
    const offer = dialect.subprotocol === undefined ? "" : `Sec-WebSocket-Protocol: ${dialect.subprotocol}\r\n`;
    socket.write(
      `GET ${dialect.path} HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n${offer}\r\n`,
    );
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error(`The server at ${dialect.path} hung up`)));
  }

  /**
   * Opens one, and says hello.
   *
   * @throws {Error} The server does not upgrade, hangs up, or does not answer within 30 s
   */
  static async open(port: number, dialect: Dialect, options: OpenOptions = {}): Promise<Connection> {
    let timer: NodeJS.Timeout | undefined;
    let connection: Connection | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`No hello at ${dialect.path} within ${WITHIN} ms`)), WITHIN);
        connection = new Connection(port, dialect, options, resolve, reject);
      });
    } finally {
      clearTimeout(timer);
    }
    return connection!;
  }

  /** Hangs up. */
  close(): void {
    this.socket.removeAllListeners("close");
    this.socket.destroy();
  }

  takeMessage(buffered: Buffer, start: number, end: number, binary: boolean): void {
    const { pong } = this.#dialect;
    if (pong !== undefined && end - start < 3) {
      const answer = pong(buffered.toString("latin1", start, end));
      if (answer !== undefined) return void this.socket.write(toClientFrame(answer));
    }
    if (this.#ready) this.listener.onmessage(buffered, start, end, binary);
    else if (this.#steps[this.#step]!.until!(buffered.toString("latin1", start, end))) {
      this.#step++;
      this.#say();
    }
  }

  takePing(payload: Buffer): void {
    this.socket.write(toClientFrame(payload, PONG));
  }

  #take(chunk: Buffer): boolean {
    if (this.#head !== undefined) this.#upgrade(chunk);
    else this.#read(chunk);
    return true;
  }

  #upgrade(chunk: Buffer): void {
    const head = (this.#head = Buffer.concat([this.#head!, chunk]));
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    const text = head.toString("latin1", 0, end);
    if (!text.startsWith("HTTP/1.1 101 ")) return this.#fail(new Error(text));
    // Nobody was offered it: what is measured is not to be deflate.
    if (/sec-websocket-extensions/i.test(text)) return this.#fail(new Error(`Extensions nobody asked for: ${text}`));
    this.#head = undefined;
    this.#say();
    if (head.length > end + 4) this.#read(head.subarray(end + 4));
  }

  /** Begins steps until one has to wait. */
  #say(): void {
    for (; this.#step < this.#steps.length; this.#step++) {
      const { say, until } = this.#steps[this.#step]!;
      if (say !== undefined) this.socket.write(toClientFrames(say));
      if (until !== undefined) return;
    }
    this.#ready = true;
    this.#opened();
  }

  #read(chunk: Buffer): void {
    try {
      this.#reader.read(chunk);
      if (this.#ready) this.listener.onturn();
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  /** Before it is open the opener hears of it, afterwards the listener. */
  #fail(error: Error): void {
    this.close();
    if (this.#ready) this.listener.onfailure(error);
    else this.#failed(error);
  }
}

/** Opens many, a hundred at a time. */
export async function openAll(
  port: number,
  dialect: Dialect,
  count: number,
  options: Omit<OpenOptions, "place"> = {},
): Promise<Connection[]> {
  const connections: Connection[] = [];
  while (connections.length < count) {
    const size = Math.min(100, count - connections.length);
    const places = Array.from({ length: size }, (_, i) => connections.length + i);
    connections.push(
      ...(await Promise.all(places.map((place) => Connection.open(port, dialect, { ...options, place })))),
    );
  }
  return connections;
}
