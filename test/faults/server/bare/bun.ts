import { answer, PROTOCOL, run, WELCOME } from "./run.ts";

interface Ws {
  send(text: string): void;
}

interface Server {
  readonly port: number;
  upgrade(request: Request, options: { headers: Record<string, string> }): boolean;
}

declare const Bun: { serve(options: object): Server };

await run(() => {
  const { port } = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request: Request, server: Server) =>
      server.upgrade(request, { headers: { "sec-websocket-protocol": PROTOCOL } })
        ? undefined
        : new Response("", { status: 400 }),
    websocket: {
      open: (ws: Ws) => ws.send(WELCOME),
      message: (ws: Ws, data: string) => answer(data, (text) => ws.send(text)),
    },
  });
  return port;
});
