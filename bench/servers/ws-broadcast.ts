// The floor to compare with: `ws` alone, which sends what it gets to everybody. With `corked`, what goes to one of them in
// one turn leaves in one write.
import type { AddressInfo, Socket } from "node:net";
import process from "node:process";
import { type WebSocket, WebSocketServer } from "ws";
import { corkForTurn } from "./corked.ts";
import { ready } from "./ready.ts";

const corked = process.argv.includes("corked");
const server = new WebSocketServer({ port: 0, perMessageDeflate: false }, () => {
  ready((server.address() as AddressInfo).port);
});
const all = new Map<WebSocket, Socket>();
server.on("connection", (ws, { socket }) => {
  all.set(ws, socket);
  ws.on("close", () => all.delete(ws));
  ws.on("message", (data: Buffer, isBinary) => {
    for (const [other, itsSocket] of all) {
      if (corked) corkForTurn(itsSocket);
      other.send(data, { binary: isBinary });
    }
  });
});
