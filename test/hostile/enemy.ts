import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { writeNumber } from "../../src/wire/numbers.ts";
import { upgradeRequest } from "../adapters/raw-client.ts";

/** A WebSocket frame of a client (RFC 6455 section 5.2), whatever it holds; `length` may lie. */
export function frame(first: number, payload: string | Uint8Array = "", length = Buffer.byteLength(payload)): Buffer {
  const bytes = Buffer.from(payload as string);
  const header = Buffer.alloc(length < 126 ? 6 : length < 65_536 ? 8 : 14);
  header[0] = first;
  header[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (header.length === 8) header.writeUInt16BE(length, 2);
  if (header.length === 14) header.writeBigUInt64BE(BigInt(length), 2);
  // A mask of zeros, which leaves the payload as it is.
  return Buffer.concat([header, bytes]);
}

export const text = (packet: string | Uint8Array): Buffer => frame(0x81, packet);
export const binary = (packet: Uint8Array): Buffer => frame(0x82, packet);

/** A binary packet of frames, each behind its length. */
export function pack(...frames: (string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    frames.flatMap((one) => {
      const bytes = Buffer.from(one as string);
      const length: number[] = [];
      for (let rest = bytes.length; ; rest >>>= 7) {
        length.push(rest > 127 ? (rest & 127) | 128 : rest);
        if (rest <= 127) break;
      }
      return [Buffer.from(length), bytes];
    }),
  );
}

/** The header of a call. */
export function call(service: number, id: number): string {
  return `?${writeNumber(service)}${writeNumber(id)}`;
}

/** One WebSocket message, as its bytes. */
interface Message {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** A client without manners: it sends what it likes, and keeps what it gets. */
export class Enemy {
  readonly tcp: Socket;
  /** The status of the response to its handshake; 0 where there was none. */
  readonly status: Promise<number>;
  /** The head of that response, its status line and headers; empty where there was none. */
  head = "";
  /** The close code that the server sent; `undefined` where it ended the connection without one. */
  readonly closed: Promise<number | undefined>;
  /** The reason that came with the close code. */
  reason = "";
  /** Frames that it got, without those of the socket itself. */
  readonly frames: string[] = [];
  /** Whether it does so, as every client does. */
  acknowledges = false;
  #unread: Buffer = Buffer.alloc(0);
  #upgraded = false;
  #look = new Set<() => void>();
  #over = false;
  #received = 0;
  #acknowledged = 0;

  /**
   * @param port where the server is
   * @param opening what is said at once
   * @param tcp the connection; over TLS, say
   */
  constructor(port: number, opening: string | Buffer = "", tcp: Socket = connect(port, "127.0.0.1")) {
    this.tcp = tcp;
    let settleStatus!: (status: number) => void;
    let settleClosed!: (code: number | undefined) => void;
    this.status = new Promise((resolve) => (settleStatus = resolve));
    this.closed = new Promise((resolve) => (settleClosed = resolve));
    tcp.on("error", () => {});
    tcp.on("close", () => {
      this.#over = true;
      settleStatus(0);
      settleClosed(undefined);
      for (const look of this.#look) look();
    });
    tcp.on("data", (chunk: Buffer) => {
      this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
      if (!this.#upgraded) {
        const end = this.#unread.indexOf("\r\n\r\n");
        if (end < 0) return;
        this.head = this.#unread.toString("latin1", 0, end);
        const status = Number(this.head.slice(9, 12));
        this.#unread = this.#unread.subarray(end + 4);
        this.#upgraded = status === 101;
        settleStatus(status);
        if (!this.#upgraded) return;
      }
      for (let message = this.#read(); message !== undefined; message = this.#read()) {
        const { opcode, payload } = message;
        if (opcode === 8) {
          this.reason = payload.toString("utf8", 2);
          settleClosed(payload.length < 2 ? 1005 : payload.readUInt16BE(0));
          tcp.write(frame(0x88, payload.subarray(0, 2)));
        } else if (opcode === 1) this.#take(payload.toString().split("\x1e"));
        else if (opcode === 2) this.#take(unpack(payload));
      }
      for (const look of this.#look) look();
    });
    tcp.setNoDelay();
    tcp.write(opening);
  }

  /** Resolves with the first frame that begins so; fails where the connection ends without one. */
  async got(start: string): Promise<string> {
    return (await this.all(start, 1))[0]!;
  }

  /** Resolves with the frames that begin so, when there are as many. */
  all(start: string, count: number): Promise<string[]> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.frames.filter((one) => one.startsWith(start));
        if (found.length < count && !this.#over) return;
        this.#look.delete(look);
        if (found.length >= count) resolve(found);
        else reject(new Error(`No ${start} among ${this.frames.map((one) => one.slice(0, 40)).join(" | ")}`));
      };
      this.#look.add(look);
      look();
    });
  }

  /** Resolves with the first frame that begins with one of these, and forgets it. */
  async take(...starts: string[]): Promise<string> {
    for (;;) {
      const place = this.frames.findIndex((one) => starts.some((start) => one.startsWith(start)));
      if (place >= 0) return this.frames.splice(place, 1)[0]!;
      if (this.#over) throw new Error(`The connection ended before any of ${starts.join(" ")}: ${this.reason}`);
      await new Promise<void>((resolve) => {
        const look = (): void => {
          this.#look.delete(look);
          resolve();
        };
        this.#look.add(look);
      });
    }
  }

  send(...bytes: Buffer[]): void {
    for (const some of bytes) this.tcp.write(some);
  }

  /** Acknowledges what it receives, where it has its welcome: else the server would hold the rest back. */
  #take(frames: readonly string[]): void {
    this.frames.push(...frames);
    for (const frame of frames) if (!/^[$%()]/.test(frame)) this.#received++;
    if (!this.acknowledges || this.#received - this.#acknowledged < 64) return;
    this.#acknowledged = this.#received;
    this.send(text(`%${writeNumber(this.#received)}`));
  }

  #read(): Message | undefined {
    const bytes = this.#unread;
    if (bytes.length < 2) return undefined;
    const short = bytes[1]! & 127;
    const start = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (bytes.length < start) return undefined;
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    if (bytes.length < start + length) return undefined;
    this.#unread = bytes.subarray(start + length);
    return { opcode: bytes[0]! & 15, payload: bytes.subarray(start, start + length) };
  }
}

function unpack(packet: Buffer): string[] {
  const frames: string[] = [];
  for (let at = 0; at < packet.length;) {
    let length = 0;
    let byte = 0x80;
    for (let shift = 0; byte & 0x80; shift += 7) {
      byte = packet[at++]!;
      length += (byte & 0x7f) * 2 ** shift;
    }
    frames.push(packet.toString("utf8", at, at + length));
    at += length;
  }
  return frames;
}

/** What the welcome says. */
export interface Welcome {
  readonly connection: string;
  readonly services: Readonly<Record<string, readonly [number: number, kind: string, init?: string[]]>>;
}

/** Upgrades and says nothing more. */
export async function upgrade(port: number, protocols = ""): Promise<Enemy> {
  const headers = protocols === "" ? [] : [`Sec-WebSocket-Protocol: ${protocols}`];
  const enemy = new Enemy(port, upgradeRequest({ target: "/prism", headers }));
  const status = await enemy.status;
  if (status !== 101) throw new Error(`The handshake was answered with ${status}`);
  return enemy;
}

/** Upgrades and goes on like any client, up to its acknowledgement of the welcome. */
export async function enter(port: number): Promise<Enemy & { readonly welcome: Welcome }> {
  const enemy = await upgrade(port, "prism.1");
  const welcome = JSON.parse((await enemy.got("$")).slice(1)) as Welcome;
  enemy.send(text("%@"));
  enemy.acknowledges = true;
  return Object.assign(enemy, { welcome });
}
