import { createORPCClient } from "@orpc/client";
import { RPCLink } from "@orpc/client/websocket";

const client = createORPCClient(new RPCLink({ websocket: new WebSocket("ws://localhost:3000") }));
document.body.append(await client.math.add({ a: 1, b: 2 }));
