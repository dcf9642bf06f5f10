import { createHash } from "node:crypto";
import type { Socket } from "node:net";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * Answers a handshake (RFC 6455 section 4.2.2), whatever else it says.
 *
 * @param socket where it came
 * @param request the whole of it
 */
export function upgrade(socket: Socket, request: string): void {
  const key = /sec-websocket-key: (.+)\r\n/i.exec(request)![1]!;
  const accept = createHash("sha1")
    .update(key + GUID)
    .digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
}
