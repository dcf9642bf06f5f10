import { answer, type Peer, PROTOCOL, run, WELCOME } from "./run.ts";

interface Ws {
  data: { peer?: Peer };
  send(text: string): void;
  getBufferedAmount(): number;
  close(code: number): void;
}

interface Server {
  readonly port: number;
  upgrade(request: Request, options: { headers: Record<string, string>; data: Ws["data"] }): boolean;
}

declare const Bun: { serve(options: object): Server };

await run(() => {
  const { port } = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request: Request, server: Server) =>
      server.upgrade(request, { headers: { "sec-websocket-protocol": PROTOCOL }, data: {} })
        ? undefined
        : new Response("", { status: 400 }),
    websocket: {
      backpressureLimit: 16 * 1_048_576,
      open: (ws: Ws) => {
        ws.data.peer = {
          send: (text) => ws.send(text),
          waiting: () => ws.getBufferedAmount(),
          close: (code) => ws.close(code),
        };
        ws.send(WELCOME);
      },
      message: (ws: Ws, data: string) => answer(data, ws.data.peer!),
    },
  });
  return port;
});
