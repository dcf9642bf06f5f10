import type { Socket } from "../socket/socket.ts";
import { fromWebSocket, type StandardWebSocket } from "../socket/web-socket.ts";

/**
 * Opens a socket. It is handed over open, in the turn in which it opened, so that no message is missed. Where it fails,
 * the client tries again; where it fails with a `PrismError`, the client is closed.
 *
 * @param url where to
 * @param protocols the subprotocols to offer; none if empty
 * @param signal aborts when the socket is no longer wanted
 */
export type Dial = (url: string, protocols: readonly string[], signal: AbortSignal) => Socket | Promise<Socket>;

/** The constructor of a standard `WebSocket`, or of what is like one. */
export type WebSocketConstructor = new (url: string, protocols?: string[]) => StandardWebSocket & { onopen: unknown };

/**
 * Dials with a standard `WebSocket`.
 *
 * @param WebSocket its constructor
 * @returns the dial
 */
export function webSocketDial(WebSocket: WebSocketConstructor): Dial {
  return (url, protocols, signal) =>
    new Promise((resolve, reject) => {
      const ws = protocols.length > 0 ? new WebSocket(url, [...protocols]) : new WebSocket(url);
      const failed = (): void => reject(new Error(`No socket to ${url}`));
      ws.onerror = ws.onclose = failed;
      ws.onopen = () => {
        ws.onopen = null;
        resolve(holdBack(fromWebSocket(ws)));
      };
      signal.addEventListener("abort", () => {
        failed();
        ws.close();
      });
    });
}

/**
 * Keeps what arrives before somebody listens: on Node, an open event and the messages behind it can come in one go, with
 * no time for a promise in between.
 */
function holdBack(socket: Socket): Socket {
  let early: (string | Uint8Array)[] | undefined = [];
  let listener: Socket["onmessage"];
  const hold = (message: string | Uint8Array): void => void early?.push(message);
  const replay = (): void => {
    for (const message of early ?? []) listener.call(socket, message);
    early = undefined;
  };
  Object.defineProperty(socket, "onmessage", {
    get: () => (early === undefined ? listener : hold),
    set: (given: Socket["onmessage"]) => {
      listener = given;
      void Promise.resolve().then(replay);
    },
  });
  return socket;
}
