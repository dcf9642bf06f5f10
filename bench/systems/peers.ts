import { plainDialect } from "./controls.ts";
import { orpcSystems } from "./orpc.ts";
import { socketIoRooms, socketIoSystems } from "./socket-io.ts";
import { onBothNodes, type System } from "./system.ts";
import { trpcSystems } from "./trpc.ts";

const crossws: System = {
  name: "crossws echo",
  family: "peer",
  runtime: "node20",
  file: "peers/crossws.js",
  dialect: plainDialect,
};
/** `@hono/node-ws` is what most have; its successor comes with version 2 of Hono's Node server. */
const honoNodeWs: System = { ...crossws, name: "Hono, @hono/node-ws echo", file: "peers/hono-node-ws.js" };
const hono: System = { ...crossws, name: "Hono, node-server 2 echo", file: "servers/hono.ts" };

/** Other libraries; crossws and Hono know nothing of calls, and give back what they are given. */
export const rpcPeers: readonly System[] = [
  ...socketIoSystems,
  ...trpcSystems,
  ...orpcSystems,
  ...[crossws, honoNodeWs, hono].flatMap(onBothNodes),
];

/** Other libraries that send to many. */
export const publishPeers: readonly System[] = [
  ...socketIoRooms,
  ...onBothNodes({ ...crossws, name: "crossws publish", args: ["publish"] }),
];
