import { connect, type Socket } from "node:net";
import { type Dialect, toFrame } from "./dialect.ts";

/** After how many frames they are acknowledged: PROTOCOL.md, "Counting". */
const ACKNOWLEDGED = 64;

/** About how much of what it is sent at first a client keeps, in characters. */
const OPENING = 250;

/** What all of a crowd's clients read into: what was read is dealt with before anything else is. */
const shared: Buffer = Buffer.allocUnsafe(65_536);

/** What comes again and again, as it comes: so many units in one message, compared as a whole. */
export class Known {
  unit = "";
  readonly #separator: string | undefined;
  #packets: Buffer[] = [];
  #chunk: Buffer = Buffer.alloc(0);
  #chunkUnits = 0;

  constructor(separator: string | undefined) {
    this.#separator = separator;
  }

  /** Says what comes from now on. */
  learn(unit: string): void {
    this.unit = unit;
    this.#packets = [];
    this.#chunk = Buffer.alloc(0);
  }

  /** Keeps what was read at one go and held nothing but so many units: the next to be read is most likely the same. */
  keep(chunk: Buffer, units: number): void {
    this.#chunk = Buffer.from(chunk);
    this.#chunkUnits = units;
  }

  /** How many units are in what was read, if it is what was kept; else 0. */
  again(buffer: Buffer, length: number): number {
    return length === this.#chunk.length && this.#chunk.compare(buffer, 0, length) === 0 ? this.#chunkUnits : 0;
  }

  /** How many units a message is made of that is made of nothing else; 0 for any other. */
  count(buffer: Buffer, start: number, end: number): number {
    const { length } = this.unit;
    if (length === 0) return 0;
    const count = this.#separator === undefined ? (end - start) / length : (end - start + 1) / (length + 1);
    if (count !== Math.floor(count) || (count > 1 && this.#separator === undefined)) return 0;
    const packet = (this.#packets[count] ??= Buffer.from(
      Array(count)
        .fill(this.unit)
        .join(this.#separator ?? ""),
    ));
    return packet.compare(buffer, start, end) === 0 ? count : 0;
  }
}

/** How a client comes in. */
export interface Entry {
  readonly port: number;
  readonly dialect: Dialect;
  /** Whether it wants to be in the room. */
  readonly room: boolean;
  /** Which of the crowd it is. */
  readonly place: number;
  readonly known: Known;
  /** What it comes back with, if it comes back. */
  readonly claim?: string | undefined;
}

/** One of a crowd, over raw TCP: it costs less to receive for it than it does to send to it. */
export class Client {
  readonly socket: Socket;
  /** Settles when it is in. */
  readonly entered: Promise<void>;
  /** Units received. */
  received = 0;
  /** The first messages that it was sent, a line each. */
  opening = "";
  /** Hears of units. */
  onunits: (count: number) => void = () => {};
  /** Hears of frames that are no units. */
  onframe: (frame: string) => void = () => {};
  readonly #entry: Entry;
  #rest: Buffer | undefined;
  #open = false;
  #in = false;
  #frames = 0;
  #acknowledged = 0;
  #enter!: () => void;

  constructor(entry: Entry) {
    this.#entry = entry;
    const { port, place, dialect, claim } = entry;
    let fail!: (error: Error) => void;
    this.entered = new Promise((resolve, reject) => {
      this.#enter = resolve;
      fail = reject;
    });
    // Who waits for many hears of the first that fails.
    this.entered.catch(() => {});
    // A new address now and then: each has ports of its own.
    const localAddress = `127.0.0.${2 + (place % 8)}`;
    const callback = (bytes: number): boolean => {
      this.#take(bytes);
      return true;
    };
    this.socket = connect({
      port,
      host: "127.0.0.1",
      localAddress,
      noDelay: true,
      onread: { buffer: shared, callback },
    });
    this.socket.on("error", fail);
    this.socket.on("close", () => fail(new Error(`Closed before it was in: ${this.opening}`)));
    const offers = [dialect.subprotocol, dialect.claimsEarly === true ? claim : undefined]
      .filter((one) => one !== undefined)
      .join(", ");
    this.socket.write(
      `GET ${dialect.path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n` +
        `${offers === "" ? "" : `Sec-WebSocket-Protocol: ${offers}\r\n`}\r\n`,
    );
  }

  /** The counted frames that it has received. */
  get frames(): number {
    return this.#frames;
  }

  #take(bytes: number): void {
    const same = this.#rest === undefined && this.#open ? this.#entry.known.again(shared, bytes) : 0;
    if (same > 0) this.#frames += same;
    const units = same || this.#read(bytes);
    if (units > 0) {
      this.received += units;
      this.onunits(units);
    }
    if (this.#frames - this.#acknowledged >= ACKNOWLEDGED) this.#acknowledge();
  }

  /** Reads message by message; how many units are in them. */
  #read(bytes: number): number {
    const { known } = this.#entry;
    let buffer = shared;
    let length = bytes;
    if (this.#rest !== undefined) {
      buffer = Buffer.concat([this.#rest, shared.subarray(0, bytes)]);
      length = buffer.length;
      this.#rest = undefined;
    }
    let at = this.#open ? 0 : this.#upgraded(buffer, length);
    let units = 0;
    let others = at;
    while (this.#open && length >= at + 2) {
      const short = buffer[at + 1]! & 127;
      const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
      if (length < start) break;
      const end = start + (short < 126 ? short : buffer.readUInt16BE(short === 126 ? at + 2 : at + 8));
      if (short === 127 && buffer.readUInt32BE(at + 4) > 0xffff)
        throw new Error("A message too long to be one of these");
      if (length < end) break;
      const count = known.count(buffer, start, end);
      if (count > 0) {
        units += count;
        this.#frames += count;
      } else {
        others++;
        if ((buffer[at]! & 15) === 1) units += this.#message(buffer.toString("latin1", start, end));
      }
      at = end;
    }
    if (at < length) this.#rest = Buffer.from(buffer.subarray(at, length));
    else if (buffer === shared && others === 0) known.keep(buffer.subarray(0, length), units);
    return units;
  }

  /** Where the first message begins. */
  #upgraded(buffer: Buffer, length: number): number {
    const text = buffer.toString("latin1", 0, length);
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) return 0;
    if (!text.startsWith("HTTP/1.1 101 ")) {
      this.opening = text.slice(0, 200);
      this.socket.destroy();
      return length;
    }
    this.#open = true;
    if (this.#entry.dialect.silent === true) {
      this.#in = true;
      this.#enter();
    }
    return end + 4;
  }

  /** Looks at a message that is not known; how many units are in it. */
  #message(text: string): number {
    const { dialect, known, room, claim } = this.#entry;
    if (this.opening.length < OPENING) this.opening += `${text}\n`;
    let units = 0;
    for (const frame of dialect.separator === undefined ? [text] : text.split(dialect.separator)) {
      if (frame === dialect.ping) this.socket.write(toFrame(dialect.pong));
      else if (dialect.isCounted?.(frame) === true) this.#frames++;
      if (frame === known.unit) units++;
      else this.onframe(frame);
    }
    if (!this.#in) {
      const { say = [], entered } = dialect.enter(text, room, claim);
      if (say.length > 0) this.socket.write(Buffer.concat(say.map(toFrame)));
      if (entered) {
        this.#in = true;
        this.#enter();
      }
    }
    return units;
  }

  #acknowledge(): void {
    const { acknowledge } = this.#entry.dialect;
    this.#acknowledged = this.#frames;
    if (acknowledge !== undefined) this.socket.write(toFrame(acknowledge(this.#frames)));
  }
}
