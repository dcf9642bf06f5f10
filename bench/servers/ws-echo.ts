// The floor to compare with: `ws` alone. With `corked`, what is echoed in one turn leaves in one write.
import type { AddressInfo, Socket } from "node:net";
import { WebSocketServer } from "ws";

const corked = process.argv.includes("corked");
const server = new WebSocketServer({ port: 0, perMessageDeflate: false }, () => {
  console.log(`ready ${(server.address() as AddressInfo).port}`);
});
server.on("connection", (ws, request) => {
  const socket: Socket = request.socket;
  let held = false;
  ws.on("message", (data: Buffer, isBinary) => {
    if (corked && !held) {
      held = true;
      socket.cork();
      setImmediate(() => {
        held = false;
        socket.uncork();
      });
    }
    ws.send(data, { binary: isBinary });
  });
});
