// The floor to compare with: `ws` alone. With `corked`, what is echoed in one turn leaves in one write.
import type { AddressInfo } from "node:net";
import process from "node:process";
import { WebSocketServer } from "ws";
import { corkForTurn } from "./corked.ts";
import { ready } from "./ready.ts";

const corked = process.argv.includes("corked");
const server = new WebSocketServer({ port: 0, perMessageDeflate: false }, () => {
  ready((server.address() as AddressInfo).port);
});
server.on("connection", (ws, { socket }) => {
  ws.on("message", (data: Buffer, isBinary) => {
    if (corked) corkForTurn(socket);
    ws.send(data, { binary: isBinary });
  });
});
