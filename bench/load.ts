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

/**
 * Drives a server and counts replies.
 *
 * @returns what came of it
 */
export async function drive(port: number, protocol: Protocol, load: Load): Promise<Driven> {
  let count = 0;
  let running = true;
  const sockets = await Promise.all(Array.from({ length: load.connections }, () => open(port, protocol)));
  const frames = new Map<string, Buffer>();
  const frameOf = (ids: readonly number[]): Buffer => {
    const key = ids.join();
    let frame = frames.get(key);
    if (frame === undefined) frames.set(key, (frame = Buffer.concat(protocol.requests(ids).map(maskedFrame))));
    return frame;
  };
  for (const { socket, rest } of sockets) {
    let buffered = rest;
    let received = 0;
    let acknowledged = 0;
    const take = (chunk: Buffer): void => {
      buffered = buffered.length > 0 ? Buffer.concat([buffered, chunk]) : chunk;
      const ids: number[] = [];
      for (;;) {
        if (buffered.length < 2) break;
        let length = buffered[1]! & 127;
        let start = 2;
        if (length === 126) {
          if (buffered.length < 4) break;
          length = buffered.readUInt16BE(2);
          start = 4;
        }
        if (buffered.length < start + length) break;
        ids.push(...protocol.replies(buffered.toString("latin1", start, start + length)));
        buffered = buffered.subarray(start + length);
      }
      count += ids.length;
      received += ids.length;
      const due = protocol.acknowledge !== undefined && received - acknowledged >= ACKNOWLEDGED;
      if (due && running) {
        acknowledged = received;
        socket.write(Buffer.concat([maskedFrame(protocol.acknowledge(received)), frameOf(ids)]));
        return;
      }
      if (running && ids.length > 0) socket.write(frameOf(ids));
    };
    socket.on("data", take);
    socket.write(frameOf(Array.from({ length: load.inFlight }, (_, id) => id)));
  }
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const { meter = async () => 0 } = load;
  const spent = await meter();
  const [before, start] = [count, performance.now()];
  await new Promise((resolve) => setTimeout(resolve, load.seconds * 1_000));
  const rate = (count - before) / ((performance.now() - start) / 1_000);
  const replies = count - before;
  const metered = ((await meter()) - spent) / replies;
  running = false;
  for (const { socket } of sockets) socket.destroy();
  return { rate, metered };
}

function open(port: number, { path, subprotocol }: Protocol): Promise<{ socket: Socket; rest: Buffer }> {
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
