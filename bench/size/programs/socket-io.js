import { io } from "socket.io-client";

const socket = io("ws://localhost:3000");
document.body.append(await socket.emitWithAck("add", { a: 1, b: 2 }));
