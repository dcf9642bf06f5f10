// Socket.IO over WebSocket alone: an event that is acknowledged with a sum, for its own client.
import { createServer } from "node:http";
import { Server } from "socket.io";
import * as v from "valibot";
import { ready } from "../servers/ready.ts";
import { Sum } from "../systems/sum.ts";

const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false, perMessageDeflate: false });
io.on("connection", (socket) => {
  socket.on("add", (input, acknowledge) => {
    const { a, b } = v.parse(Sum, input);
    acknowledge(a + b);
  });
});
http.listen(0, () => ready(http.address().port));
