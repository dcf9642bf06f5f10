// The floor on Bun: its own server, alone. With `publish`, what it gets goes to everybody, itself included, by its own publish.
import process from "node:process";
import { ready } from "./ready.ts";

interface BunSocket {
  send(data: string | Uint8Array): number;
  subscribe(topic: string): void;
}

interface BunServer {
  readonly port: number;
  upgrade(request: Request): boolean;
  publish(topic: string, data: string | Uint8Array): number;
}

declare const Bun: {
  serve(options: {
    port: number;
    fetch(request: Request, server: BunServer): Response | undefined;
    websocket: Record<string, unknown> & {
      open(ws: BunSocket): void;
      message(ws: BunSocket, data: string | Uint8Array): void;
    };
  }): BunServer;
};

const publishes = process.argv.includes("publish");
const server = Bun.serve({
  port: 0,
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("Not a WebSocket", { status: 400 })),
  websocket: {
    perMessageDeflate: false,
    // Room for what a fan-out has under way; a smaller one would drop messages.
    backpressureLimit: 16 * 1_048_576,
    open(ws) {
      if (publishes) ws.subscribe("room");
    },
    message(ws, data) {
      if (publishes) server.publish("room", data);
      else ws.send(data);
    },
  },
});
ready(server.port);
