import type { Dialect } from "../load/dialect.ts";
import { onBothNodes, type System } from "./system.ts";

/** One message a call, which comes back as it is: no ids, no names, no JSON read. */
export const plainDialect: Dialect = {
  path: "/",
  hello: [],
  rpc: (body) => ({
    ordered: true,
    requests: (ids) => ids.map(() => body),
    replies(message) {
      const same = typeof body === "string" ? message === body : Buffer.compare(body, message as Uint8Array) === 0;
      if (!same) throw new Error(`Wrong reply ${String(message).slice(0, 200)}`);
      return [0];
    },
  }),
  pubsub: {
    join: [],
    publish: (text) => [JSON.stringify(text)],
    deliveries: (message, text) => (message === JSON.stringify(text) ? 1 : 0),
  },
};

const shared = { family: "control", dialect: plainDialect } as const;

/** `ws` alone: what a call costs on Node at least. */
export const wsEcho: System = { ...shared, name: "ws echo", runtime: "node20", file: "servers/ws-echo.ts" };

/** The same, but what is written in one turn leaves in one write: what batching alone gains. */
export const wsEchoCorked: System = { ...wsEcho, name: "ws echo, corked", args: ["corked"] };

const bunEcho: System = { ...shared, name: "Bun.serve echo", runtime: "bun", file: "servers/bun.ts" };
const denoEcho: System = { ...shared, name: "Deno.upgradeWebSocket echo", runtime: "deno", file: "servers/deno.ts" };

/** Servers that give back what they are given, and know nothing of calls. */
export const echoControls: readonly System[] = [
  ...onBothNodes(wsEcho),
  ...onBothNodes(wsEchoCorked),
  bunEcho,
  denoEcho,
];

const wsBroadcast: System = { ...wsEcho, name: "ws broadcast", file: "servers/ws-broadcast.ts" };
const wsBroadcastCorked: System = { ...wsBroadcast, name: "ws broadcast, corked", args: ["corked"] };

/** Servers that send what they get to everybody. */
export const publishControls: readonly System[] = [
  ...onBothNodes(wsBroadcast),
  ...onBothNodes(wsBroadcastCorked),
  { ...bunEcho, name: "Bun.serve publish", args: ["publish"] },
];
