import { connect, type Dial } from "../../../../src/client/connect.ts";
import type { StandardWebSocket } from "../../../../src/socket/web-socket.ts";

// The DOM's `send` takes no bytes that may be shared with another thread, which Prism's own bytes never are: it wants
// `Uint8Array<ArrayBuffer>`. All else of a browser's WebSocket is what is used of one.
type AllButSend = Omit<StandardWebSocket, "send">;
type Sends = { send(data: string | Uint8Array<ArrayBuffer>): void };

const ws = new WebSocket("ws://localhost");
ws satisfies AllButSend & Sends;
WebSocket satisfies new (url: string, protocols?: string[]) => AllButSend & Sends & { onopen: unknown };

const dial: Dial = async (url, protocols, signal) => {
  const response = await fetch(url, { signal, headers: { protocols: protocols.join() } });
  throw new Error(response.statusText);
};
connect(new URL("/live", location.href), { services: {}, dial });
connect("/live", { services: {}, log: console.debug, reconnect: { max: 1_000 } }).connection.close();
