import type { BunServer, BunWebSocket } from "../../../../adapters/bun.ts";
import { handlers } from "../../../../adapters/bun.ts";
import { webSocketDial } from "../../../../src/client/dial.ts";
import { prism } from "../../../../src/server/prism.ts";
import { fromWebSocket } from "../../../../src/socket/web-socket.ts";

const app = prism();

const server: Bun.Server<unknown> = Bun.serve({ port: 0, ...handlers(app) });
Bun.serve({ port: 0, idleTimeout: 10, ...handlers(app, { compression: true }) });

const { fetch, websocket } = handlers(app);
Bun.serve({
  routes: { "/hello": () => new Response("hello") },
  fetch: (request, own) => fetch(request, own),
  websocket,
});

server satisfies BunServer;
export const take = (ws: Bun.ServerWebSocket<unknown>): BunWebSocket => ws;
export const typed = (ws: Bun.ServerWebSocket<{ user: string }>): BunWebSocket => ws;

// Bun's own client.
webSocketDial(WebSocket);
fromWebSocket(new WebSocket("ws://localhost"));
