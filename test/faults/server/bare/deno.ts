import { answer, type Peer, PROTOCOL, run, WELCOME } from "./run.ts";

declare const Deno: {
  serve(options: object, handler: (request: Request) => Response): { readonly addr: { readonly port: number } };
  upgradeWebSocket(request: Request, options: object): { readonly socket: WebSocket; readonly response: Response };
};

await run(() => {
  const options = { port: 0, hostname: "127.0.0.1", onListen: () => {} };
  const server = Deno.serve(options, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: PROTOCOL, idleTimeout: 0 });
    socket.addEventListener("open", () => socket.send(WELCOME));
    const peer: Peer = {
      send: (text) => socket.send(text),
      waiting: () => socket.bufferedAmount,
      close: (code) => socket.close(code),
    };
    socket.addEventListener("message", ({ data }) => answer(data as string, peer));
    return response;
  });
  return server.addr.port;
});
