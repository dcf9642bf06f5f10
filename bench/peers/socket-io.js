/*
 * Socket.IO over WebSocket alone. Calls are answered by their acknowledgement, or by an event; `publish` goes to a room
 * that all are in, their sender included. With `schema`, what a call carries is checked.
 */
import { createServer } from "node:http";
import process from "node:process";
import { Server } from "socket.io";
import * as v from "valibot";
import { ready } from "../servers/ready.ts";
import { Echo, List } from "../systems/schemas.ts";

const checks = process.argv.includes("schema");
const schemas = { echo: Echo, list: List, bytes: v.instance(Buffer) };
const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false, perMessageDeflate: false });
// As its documentation advises where memory matters: the first request is not kept.
io.engine.on("connection", (raw) => {
  raw.request = null;
});
io.on("connection", (socket) => {
  void socket.join("room");
  for (const [event, schema] of Object.entries(schemas)) {
    socket.on(event, (value, acknowledge) => {
      const answer = checks ? v.parse(schema, value) : value;
      if (acknowledge === undefined) socket.emit(event, answer);
      else acknowledge(answer);
    });
  }
  socket.on("publish", (message) => io.to("room").emit("message", message));
});
http.listen(0, () => ready(http.address().port));
