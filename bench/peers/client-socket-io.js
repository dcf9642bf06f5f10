// Socket.IO's client as an app has it, over WebSocket alone. Arguments: the port, and how many calls are under way.
import process from "node:process";
import { io } from "socket.io-client";
import { drive } from "../clients/drive.ts";

const socket = io(`http://127.0.0.1:${process.argv[2]}`, { transports: ["websocket"] });
await socket.emitWithAck("add", { a: 1, b: 1 });
drive((a, b) => socket.emitWithAck("add", { a, b }));
