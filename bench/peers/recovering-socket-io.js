// Socket.IO with connection state recovery: clients that come back are who they were, and are sent what they missed.
import { createServer } from "node:http";
import { Server } from "socket.io";
import { ready } from "../servers/ready.ts";

const http = createServer();
const io = new Server(http, {
  transports: ["websocket"],
  serveClient: false,
  perMessageDeflate: false,
  connectionStateRecovery: { maxDisconnectionDuration: 120_000, skipMiddlewares: true },
});
// As its documentation advises where memory matters: the first request is not kept.
io.engine.on("connection", (raw) => {
  raw.request = null;
});
io.on("connection", (socket) => {
  // It recovers those alone who have been sent something, with its offset.
  if (!socket.recovered) socket.emit("hello");
  socket.on("echo", (value, acknowledge) => acknowledge(value));
});
http.listen(0, () => ready(http.address().port));
