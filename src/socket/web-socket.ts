import type { Socket } from "./socket.ts";

/** What is used of a standard `WebSocket`; its handlers are taken over. */
export interface StandardWebSocket {
  binaryType: string;
  readonly bufferedAmount: number;
  readonly protocol: string;
  readonly readyState: number;
  onclose: unknown;
  onerror: unknown;
  onmessage: unknown;
  close(code?: number, reason?: string): void;
  send(data: string | Uint8Array): void;
}

/**
 * A standard `WebSocket` as a {@linkcode Socket}. A code that the platform refuses to send (browsers: all but 1000 and
 * 3000 up) becomes 4004. The standard has no drain event, so `ondrain` is left to those who watch `bufferedAmount`.
 *
 * @param ws an open WebSocket that nothing was received from yet
 * @param protocol the subprotocol, where the WebSocket does not know it
 * @returns the socket
 */
export function fromWebSocket(ws: StandardWebSocket, protocol: string | undefined = ws.protocol): Socket {
  const ignore = (): void => {};
  const socket: Socket = {
    protocol,
    get bufferedAmount() {
      return ws.bufferedAmount;
    },
    send(data) {
      if (ws.readyState === 1) ws.send(data);
    },
    close(code, reason) {
      ws.onmessage = null;
      try {
        ws.close(code, reason);
      } catch {
        ws.close(4004);
      }
    },
    onmessage: ignore,
    onclose: ignore,
    ondrain: ignore,
  };
  ws.binaryType = "arraybuffer";
  ws.onerror = ignore; // A close event follows; without a listener, the `ws` package would throw.
  ws.onmessage = ({ data }: { data: string | ArrayBuffer }): void =>
    socket.onmessage(typeof data === "string" ? data : new Uint8Array(data));
  // Deno says 0 where the standard says 1006.
  ws.onclose = (event: { code: number; reason: string }): void => socket.onclose(event.code || 1006, event.reason);
  return socket;
}
