// Hono with @hono/node-ws, which gives back what it is given.
import { serve } from "@hono/node-server";
import { createNodeWebSocket } from "@hono/node-ws";
import { Hono } from "hono";
import { ready } from "../servers/ready.ts";

const app = new Hono();
const { injectWebSocket, upgradeWebSocket } = createNodeWebSocket({ app });
app.get(
  "/",
  upgradeWebSocket(() => ({ onMessage: (event, ws) => ws.send(event.data) })),
);
const server = serve({ fetch: app.fetch, port: 0 }, ({ port }) => ready(port));
injectWebSocket(server);
