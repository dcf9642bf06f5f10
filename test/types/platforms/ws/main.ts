import { WebSocket } from "ws";
import type { Socket } from "../../../../src/socket/socket.ts";
import { webSocketDial, type Dial, type WebSocketConstructor } from "../../../../src/client/dial.ts";
import { connect } from "../../../../src/client/node.ts";
import { fromWebSocket, type StandardWebSocket } from "../../../../src/socket/web-socket.ts";

const ws = new WebSocket("ws://localhost");
ws satisfies StandardWebSocket;
WebSocket satisfies WebSocketConstructor;
const socket: Socket = fromWebSocket(ws);
const dial: Dial = webSocketDial(WebSocket);

connect("ws://localhost", { services: {}, dial });
connect("ws://localhost", { services: {}, dial: () => socket });
connect("ws://localhost", { services: {}, dial: undefined });
// With headers, which only `ws` has.
connect("ws://localhost", {
  services: {},
  dial: (url, protocols, signal) => {
    class Mine extends WebSocket {
      constructor(to: string, offered?: string[]) {
        super(to, offered, { headers: { authorization: "Bearer x" } });
      }
    }
    return webSocketDial(Mine)(url, protocols, signal);
  },
});
