import { WebSocket, WebSocketServer } from "ws";
import { handlers } from "../../../../adapters/bun.ts";
import { webSocketDial } from "../../../../src/client/dial.ts";
import { prism } from "../../../../src/server/prism.ts";
import { fromWebSocket } from "../../../../src/socket/web-socket.ts";

// Each line is wrong, and the test wants an error for each: it proves that the others are checked at all.
webSocketDial(WebSocketServer);
fromWebSocket(new WebSocketServer({ noServer: true }));
prism({ storage: new Map<string, unknown>() });
handlers({ fetch: () => new Response() });
webSocketDial(new WebSocket("ws://localhost"));
