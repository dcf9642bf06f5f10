// The floor to compare with: `ws` alone, which sends what it gets to everybody.
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

const server = new WebSocketServer({ port: 0, perMessageDeflate: false }, () => {
  console.log(`ready ${(server.address() as AddressInfo).port}`);
});
const all = new Set<WebSocket>();
server.on("connection", (ws) => {
  all.add(ws);
  ws.on("close", () => all.delete(ws));
  ws.on("message", (data: Buffer, isBinary) => {
    for (const other of all) other.send(data, { binary: isBinary });
  });
});
