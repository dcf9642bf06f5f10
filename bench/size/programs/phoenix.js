import { Socket } from "phoenix";

const socket = new Socket("ws://localhost:3000");
socket.connect();
const channel = socket.channel("math");
channel.join();
channel.push("add", { a: 1, b: 2 }).receive("ok", alert);
