import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { answer, type Peer, PROTOCOL, run, WELCOME } from "./run.ts";

const server = createServer();
const wss = new WebSocketServer({ server, clientTracking: false, handleProtocols: () => PROTOCOL });
wss.on("connection", (ws: WebSocket) => {
  ws.on("error", () => {});
  const peer: Peer = {
    send: (text) => ws.send(text),
    waiting: () => ws.bufferedAmount,
    close: (code) => ws.close(code),
  };
  ws.on("message", (data: Buffer) => answer(data.toString(), peer));
  ws.send(WELCOME);
});

await run(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
});
