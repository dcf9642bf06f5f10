/*
 * Fan-out on one core beside the floor and Socket.IO: `npm run bench:fan-out`, after `npm ci` in bench/peers. Everybody is
 * in one room; one of them keeps 16 publications in flight, and publishes the next when it receives its own. Systems take
 * turns, so that a noisy machine is noisy for all of them.
 */
import { spawn } from "node:child_process";
import { connect, type Socket } from "node:net";
import { MAX_NUMBER, writeNumber } from "../src/wire/numbers.ts";

const TEXT = "x".repeat(18);
const IN_FLIGHT = 16;
const SECONDS = 4;
const ROUNDS = 3;
/** After how many messages they are acknowledged: PROTOCOL.md, "Counting". */
const ACKNOWLEDGED = 64;

interface System {
  readonly name: string;
  readonly file: string;
  readonly path: string;
  readonly subprotocol?: string;
  /** What a client says first, each of them an answer to what the server says first; it is in the room when `joined` says so. */
  readonly hello: readonly string[];
  joined(message: string): boolean;
  readonly publish: string;
  /** What stands between two publications in a message, where one may hold several. */
  readonly separator?: string;
  readonly acknowledge?: (count: number) => string;
}

const publication = JSON.stringify(TEXT);
const systems: readonly System[] = [
  {
    name: "ws",
    file: "servers/ws-broadcast.ts",
    path: "/",
    hello: [],
    joined: () => true,
    publish: publication,
  },
  {
    name: "Socket.IO",
    file: "peers/socket-io.js",
    path: "/socket.io/?EIO=4&transport=websocket",
    hello: ["40"],
    joined: (message) => message.startsWith("40"),
    publish: `42["publish",${publication}]`,
  },
  {
    name: "prism pubsub",
    file: "servers/prism-pubsub.ts",
    path: "/prism",
    subprotocol: "prism.1",
    hello: ["%@", '?@@+@{"c":"room"}'],
    joined: (message) => message.includes("=@"),
    publish: `?@@@${publication}`,
    separator: "\x1e",
    acknowledge: (count) => `%${writeNumber(count & MAX_NUMBER)}`,
  },
];

function toFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  // A mask of zeros is a mask.
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

/** One client: what comes to it, message by message. */
class Client {
  readonly socket: Socket;
  readonly joined: Promise<void>;
  received = 0;
  onpublication: (count: number) => void = () => {};
  readonly #system: System;
  /** What a publication is, as it comes: learned from the first, since all are the same. */
  #publication = "";
  #buffered: Buffer = Buffer.alloc(0);
  #open = false;
  #said = 0;
  #frames = 0;
  #acknowledged = 0;
  #join!: () => void;

  constructor(port: number, system: System, place: number) {
    this.#system = system;
    this.joined = new Promise((resolve) => (this.#join = resolve));
    const { path, subprotocol } = system;
    // A new address now and then: each has ports of its own.
    this.socket = connect({ port, host: "127.0.0.1", localAddress: `127.0.0.${2 + (place % 8)}`, noDelay: true });
    this.socket.on("error", (error) => {
      throw error;
    });
    const offer = subprotocol === undefined ? "" : `Sec-WebSocket-Protocol: ${subprotocol}\r\n`;
    this.socket.write(
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${offer}\r\n`,
    );
    this.socket.on("data", (chunk) => this.#take(chunk));
  }

  #take(chunk: Buffer): void {
    let buffered = this.#buffered.length > 0 ? Buffer.concat([this.#buffered, chunk]) : chunk;
    if (!this.#open) {
      const end = buffered.indexOf("\r\n\r\n");
      if (end >= 0) {
        this.#open = true;
        buffered = buffered.subarray(end + 4);
        if (this.#system.hello.length === 0) this.#join();
      }
    }
    let publications = 0;
    let at = 0;
    while (this.#open && buffered.length >= at + 2) {
      const short = buffered[at + 1]! & 127;
      const start = at + (short < 126 ? 2 : 4);
      if (buffered.length < start) break;
      const end = start + (short < 126 ? short : buffered.readUInt16BE(at + 2));
      if (buffered.length < end) break;
      publications += this.#count(buffered, start, end) || this.#message(buffered.toString("latin1", start, end));
      at = end;
    }
    this.#buffered = buffered.subarray(at);
    if (publications === 0) return;
    this.received += publications;
    this.onpublication(publications);
    const { acknowledge } = this.#system;
    if (acknowledge !== undefined && this.#frames - this.#acknowledged >= ACKNOWLEDGED) {
      this.#acknowledged = this.#frames;
      this.socket.write(toFrame(acknowledge(this.#frames)));
    }
  }

  /**
   * How many publications a message holds that holds nothing else, by its length and its ends, since it must cost less to
   * receive one than to send it; 0 where it must be looked at.
   */
  #count(buffered: Buffer, start: number, end: number): number {
    const { separator } = this.#system;
    const { length } = this.#publication;
    if (length === 0) return 0;
    const count = separator === undefined ? (end - start) / length : (end - start + 1) / (length + 1);
    const whole = count === Math.floor(count) && buffered[end - 1] === this.#publication.charCodeAt(length - 1);
    if (!whole || buffered[start] !== this.#publication.charCodeAt(0)) return 0;
    this.#frames += count;
    return count;
  }

  #message(text: string): number {
    const { hello, joined, separator } = this.#system;
    if (text === "2") this.socket.write(toFrame("3"));
    const frames = separator === undefined ? [text] : text.split(separator);
    const published = frames.filter((frame) => frame.endsWith(publication) || frame.endsWith(`${publication}]`));
    this.#publication ||= published[0] ?? "";
    // What counts is what is not of the link: everything but `$`, `%` and pings.
    for (const frame of frames) if (!/^[$%()]/.test(frame)) this.#frames++;
    if (this.#said < hello.length) this.#say();
    else if (this.#said === hello.length && joined(text)) this.#join();
    return published.length;
  }

  #say(): void {
    // What a client may say at once it does.
    const next = this.#system.name === "Socket.IO" ? 1 : this.#system.hello.length;
    for (let i = 0; i < next; i++) this.socket.write(toFrame(this.#system.hello[this.#said++]!));
  }
}

async function measure(system: System, subscribers: number): Promise<number> {
  const path = new URL(`./${system.file}`, import.meta.url).pathname;
  const child = spawn("taskset", ["-c", "0", process.execPath, "--import", "tsx", path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const port = await new Promise<number>((resolve) => {
      child.stdout.on("data", (chunk: Buffer) => resolve(Number(/ready (\d+)/.exec(String(chunk))?.[1])));
    });
    const clients: Client[] = [];
    for (let place = 0; place < subscribers; place += 100) {
      const some = Array.from(
        { length: Math.min(100, subscribers - place) },
        (_, i) => new Client(port, system, place + i),
      );
      await Promise.all(some.map(({ joined }) => joined));
      clients.push(...some);
    }
    const [publisher] = clients as [Client];
    const publish = toFrame(system.publish);
    let running = true;
    publisher.onpublication = (count) => {
      if (running) publisher.socket.write(Buffer.concat(Array.from({ length: count }, () => publish)));
    };
    publisher.socket.write(Buffer.concat(Array.from({ length: IN_FLIGHT }, () => publish)));
    const received = (): number => clients.reduce((sum, client) => sum + client.received, 0);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const [before, began] = [received(), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, SECONDS * 1_000));
    const rate = (received() - before) / ((performance.now() - began) / 1_000);
    running = false;
    for (const { socket } of clients) socket.destroy();
    return rate;
  } finally {
    child.kill();
  }
}

for (const subscribers of [1_000, 10_000]) {
  const rates = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const system of systems) {
      rates.set(system.name, [...(rates.get(system.name) ?? []), await measure(system, subscribers)]);
    }
  }
  const medians = [...rates].map(([name, all]) => [name, all.toSorted((a, b) => a - b)[all.length >> 1]!] as const);
  const peer = medians.find(([name]) => name === "Socket.IO")![1];
  for (const [name, rate] of medians) {
    const told = `${Math.round(rate).toLocaleString("en")} deliveries/s`;
    console.log(
      `${subscribers.toLocaleString("en").padStart(6)} subscribers  ${name.padEnd(14)} ${told}  ${(rate / peer).toFixed(2)}`,
    );
  }
}
