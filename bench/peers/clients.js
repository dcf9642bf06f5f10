/*
 * The peers' own clients, as their documentation has them used: each calls `echo` of its server. What they need is installed
 * beside them, so this is no TypeScript: bench/load/real-client.ts says what it exports.
 */
import { createORPCClient } from "@orpc/client";
import { RPCLink } from "@orpc/client/websocket";
import { createTRPCClient, createWSClient, wsLink } from "@trpc/client";
import { io } from "socket.io-client";
import { WebSocket } from "ws";

export async function connectSocketIo(port) {
  const socket = io(`http://127.0.0.1:${port}`, { transports: ["websocket"], forceNew: true });
  await new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  });
  return { call: (input) => socket.emitWithAck("echo", input), close: () => void socket.close() };
}

export async function connectTrpc(port) {
  const client = createWSClient({ url: `ws://127.0.0.1:${port}`, WebSocket });
  const { echo } = createTRPCClient({ links: [wsLink({ client })] });
  return { call: (input) => echo.query(input), close: () => void client.close() };
}

export async function connectOrpc(port) {
  const websocket = new WebSocket(`ws://127.0.0.1:${port}`);
  const { echo } = createORPCClient(new RPCLink({ websocket }));
  return { call: (input) => echo(input), close: () => websocket.close() };
}
