// The peer to compare with: Socket.IO over WebSocket alone, a room that all are in.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false });
io.on("connection", (socket) => {
  void socket.join("room");
  socket.on("publish", (message) => io.to("room").emit("message", message));
});
http.listen(0, () => process.stdout.write(`ready ${http.address().port}\n`));
