/*
 * A load generator over raw TCP: frames are built beforehand and replies are checked by length and first bytes, so that
 * it costs little beside the server that it measures.
 */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";

/** What is sent, and how many replies a packet holds. */
export interface Protocol {
  readonly path: string;
  readonly subprotocol?: string;
  /** The messages that ask for these ids. */
  requests(ids: readonly number[]): readonly string[];
  /** The ids of the replies in a message; throws at a wrong one. */
  replies(message: string): readonly number[];
  /** The message that acknowledges so many replies, where the server wants to know. */
  readonly acknowledge?: ((count: number) => string) | undefined;
}

/** After how many replies they are acknowledged: PROTOCOL.md, "Counting". */
const ACKNOWLEDGED = 64;

/** How hard it works. */
export interface Load {
  readonly connections: number;
  readonly inFlight: number;
  readonly seconds: number;
  /** What to look at when the counting begins and when it ends: the server's CPU time, say. */
  readonly meter?: () => Promise<number>;
}

/** What came of it. */
export interface Driven {
  /** Replies a second. */
  readonly rate: number;
  /** By how much the meter went up, for each reply. */
  readonly metered: number;
}

function maskedFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const header =
    payload.length < 126 ? [0x81, 0x80 | payload.length] : [0x81, 0xfe, payload.length >> 8, payload.length & 255];
  // A mask of zeros is a mask, and leaves the payload readable here.
  return Buffer.concat([Buffer.from([...header, 0, 0, 0, 0]), payload]);
}

/** Connections that ask, and ask again for each reply, while they are let. */
export class Driver {
  /** Replies so far. */
  count = 0;
  readonly #protocol: Protocol;
  readonly #inFlight: number;
  readonly #sockets: readonly Socket[];
  readonly #frames = new Map<string, Buffer>();
  #running = false;
  /** Asked and not answered. */
  #open = 0;
  #settled = (): void => {};

  private constructor(opened: readonly Opened[], protocol: Protocol, inFlight: number) {
    this.#protocol = protocol;
    this.#inFlight = inFlight;
    this.#sockets = opened.map(({ socket }) => socket);
    for (const one of opened) this.#drive(one);
  }

  static async open(
    port: number,
    protocol: Protocol,
    { connections, inFlight }: Omit<Load, "seconds">,
  ): Promise<Driver> {
    const opened = await Promise.all(Array.from({ length: connections }, () => open(port, protocol)));
    return new Driver(opened, protocol, inFlight);
  }

  /** Begins, or goes on. */
  go(): void {
    this.#running = true;
    const ids = Array.from({ length: this.#inFlight }, (_, id) => id);
    this.#open = this.#inFlight * this.#sockets.length;
    for (const socket of this.#sockets) socket.write(this.#frameOf(ids));
  }

  /** Asks no more; resolves when all is answered. */
  halt(): Promise<void> {
    this.#running = false;
    return new Promise((resolve) => (this.#settled = resolve));
  }

  close(): void {
    this.#running = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  #frameOf(ids: readonly number[]): Buffer {
    const key = ids.join();
    let frame = this.#frames.get(key);
    if (frame === undefined) {
      this.#frames.set(key, (frame = Buffer.concat(this.#protocol.requests(ids).map(maskedFrame))));
    }
    return frame;
  }

  #drive({ socket, rest }: Opened): void {
    const { acknowledge } = this.#protocol;
    let buffered = rest;
    let received = 0;
    let acknowledged = 0;
    // What was looked at before need not be looked at again: it must cost less to take a reply than to give it.
    let known = Buffer.alloc(0);
    let knownIds: readonly number[] = [];
    socket.on("data", (chunk: Buffer) => {
      buffered = buffered.length > 0 ? Buffer.concat([buffered, chunk]) : chunk;
      let ids: readonly number[] = [];
      let at = 0;
      while (buffered.length >= at + 2) {
        const short = buffered[at + 1]! & 127;
        const start = at + (short < 126 ? 2 : 4);
        if (buffered.length < start) break;
        const end = start + (short < 126 ? short : buffered.readUInt16BE(at + 2));
        if (buffered.length < end) break;
        let found: readonly number[];
        if (end - start === known.length && known.compare(buffered, start, end) === 0) found = knownIds;
        else {
          found = this.#protocol.replies(buffered.toString("latin1", start, end));
          if (found.length > 0) {
            known = Buffer.from(buffered.subarray(start, end));
            knownIds = found;
          }
        }
        ids = ids.length === 0 ? found : [...ids, ...found];
        at = end;
      }
      buffered = buffered.subarray(at);
      this.count += ids.length;
      received += ids.length;
      const writes: Buffer[] = [];
      if (acknowledge !== undefined && received - acknowledged >= ACKNOWLEDGED) {
        acknowledged = received;
        writes.push(maskedFrame(acknowledge(received)));
      }
      if (this.#running && ids.length > 0) writes.push(this.#frameOf(ids));
      else if (!this.#running && (this.#open -= ids.length) === 0) this.#settled();
      if (writes.length > 0) socket.write(writes.length === 1 ? writes[0]! : Buffer.concat(writes));
    });
  }
}

/**
 * Drives a server and counts replies.
 *
 * @returns what came of it
 */
export async function drive(port: number, protocol: Protocol, load: Load): Promise<Driven> {
  const driver = await Driver.open(port, protocol, load);
  driver.go();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const { meter = async () => 0 } = load;
  const spent = await meter();
  const [before, start] = [driver.count, performance.now()];
  await new Promise((resolve) => setTimeout(resolve, load.seconds * 1_000));
  const rate = (driver.count - before) / ((performance.now() - start) / 1_000);
  const replies = driver.count - before;
  const metered = ((await meter()) - spent) / replies;
  driver.close();
  return { rate, metered };
}

interface Opened {
  readonly socket: Socket;
  readonly rest: Buffer;
}

function open(port: number, { path, subprotocol }: Protocol): Promise<Opened> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    socket.on("error", reject);
    const offer = subprotocol === undefined ? "" : `Sec-WebSocket-Protocol: ${subprotocol}\r\n`;
    const key = randomBytes(16).toString("base64");
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n${offer}\r\n`,
    );
    let head = Buffer.alloc(0);
    const read = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      socket.off("data", read);
      if (!head.toString("latin1", 0, end).includes(" 101 ")) reject(new Error(head.toString("latin1", 0, end)));
      resolve({ socket, rest: head.subarray(end + 4) });
    };
    socket.on("data", read);
  });
}
