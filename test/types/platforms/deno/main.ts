import { handler, type DenoHandler, type DenoServeInfo } from "../../../../adapters/deno.ts";
import { webSocketDial, type WebSocketConstructor } from "../../../../src/client/dial.ts";
import { connect } from "../../../../src/client/connect.ts";
import { prism } from "../../../../src/server/prism.ts";
import { fromWebSocket, type StandardWebSocket } from "../../../../src/socket/web-socket.ts";

const app = prism();

const server: Deno.HttpServer = Deno.serve({ port: 0 }, handler(app));
Deno.serve(handler(app));
Deno.serve({ port: 0, handler: handler(app) });
handler(app) satisfies Deno.ServeHandler;
export const own: DenoHandler = (request, info: DenoServeInfo) => handler(app)(request, info);
export const take = (info: Deno.ServeHandlerInfo): DenoServeInfo => info;
await server.shutdown();

const ws = new WebSocket("ws://localhost");
ws satisfies StandardWebSocket;
WebSocket satisfies WebSocketConstructor;
fromWebSocket(ws);
connect("ws://localhost", { services: {}, dial: webSocketDial(WebSocket) });
