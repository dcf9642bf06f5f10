import { connect, type Socket } from "node:net";

/** A WebSocket client that knows no manners: bytes in, bytes out. */
export interface RawClient {
  readonly tcp: Socket;
  /** The head of the response, once it has come: its status line and headers. */
  readonly head: Promise<string>;
  /** Resolves when the server has ended the connection, with all that came after the head. */
  readonly ended: Promise<Buffer>;
  /** The close code that the server sent, once it has ended the connection; `undefined` if it sent none. */
  closeCode(): Promise<number | undefined>;
}

export interface RawRequest {
  readonly method?: string;
  readonly target: string;
  readonly headers?: readonly string[];
}

/** The text of an upgrade request. */
export function upgradeRequest({ method = "GET", target, headers = [] }: RawRequest): string {
  const lines = [
    `${method} ${target} HTTP/1.1`,
    "Host: good.example",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Connects and writes an opening text. */
export function rawConnect(port: number, opening: string | Buffer): RawClient {
  const tcp = connect(port, "127.0.0.1");
  let received = Buffer.alloc(0);
  const head = new Promise<string>((resolve) => {
    tcp.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf("\r\n\r\n");
      if (end >= 0) resolve(received.subarray(0, end).toString("latin1"));
    });
    tcp.on("close", () => resolve(""));
  });
  const ended = new Promise<Buffer>((resolve) => {
    tcp.on("close", () => resolve(received.subarray(received.indexOf("\r\n\r\n") + 4)));
  });
  tcp.on("error", () => {});
  tcp.write(opening);
  return {
    tcp,
    head,
    ended,
    async closeCode() {
      const bytes = await ended;
      for (let at = 0; at + 2 <= bytes.length;) {
        const [opcode, short] = [bytes[at]! & 15, bytes[at + 1]!];
        const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
        const length =
          short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
        if (opcode === 8) return length < 2 ? 1005 : bytes.readUInt16BE(start);
        at = start + length;
      }
      return undefined;
    },
  };
}

/** One WebSocket frame of a client (RFC 6455 section 5.2): its first byte, and a payload under 64 KiB unless `length` lies. */
export function rawFrame(first: number, payload: string | Buffer = "", masked = true): Buffer {
  const bytes = Buffer.from(payload);
  const long = bytes.length > 125;
  const header = Buffer.from([first, (masked ? 0x80 : 0) | (long ? 126 : bytes.length)]);
  const length = long ? Buffer.from([bytes.length >> 8, bytes.length & 255]) : Buffer.alloc(0);
  if (!masked) return Buffer.concat([header, length, bytes]);
  const mask = Buffer.from([1, 2, 3, 4]);
  return Buffer.concat([header, length, mask, bytes.map((byte, i) => byte ^ mask[i & 3]!)]);
}
