// Hono with what its Node server brings by itself, which gives back what it is given.
import { serve, upgradeWebSocket } from "@hono/node-server";
import { Hono } from "hono";
import { WebSocketServer } from "ws";
import { ready } from "./ready.ts";

const app = new Hono();
app.get(
  "/",
  upgradeWebSocket(() => ({ onMessage: ({ data }, ws) => ws.send(data as string | ArrayBuffer) })),
);
const server = new WebSocketServer({ noServer: true, perMessageDeflate: false });
// Its type asks of optional options that they are never `undefined`.
const websocket = { server } as Parameters<typeof serve>[0]["websocket"] & object;
serve({ fetch: app.fetch, port: 0, websocket }, ({ port }) => ready(port));
