// The floor on Deno: its own WebSocket, alone.
import { ready } from "./ready.ts";

declare const Deno: {
  serve(
    options: { port: number; onListen(address: { port: number }): void },
    handler: (request: Request) => Response,
  ): unknown;
  upgradeWebSocket(request: Request): { socket: WebSocket; response: Response };
};

Deno.serve({ port: 0, onListen: ({ port }) => ready(port) }, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => socket.send(data));
  return response;
});
