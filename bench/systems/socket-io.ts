import { isList } from "../load/bodies.ts";
import type { Body, Dialect, Rpc } from "../load/dialect.ts";
import { onBothNodes, type System } from "./system.ts";

/*
 * https://socket.io/docs/v4/socket-io-protocol/: `4` is Engine.IO's message; `2` an event, `3` its acknowledgement, `5` and
 * `6` the same with bytes, which follow in a message of their own. Its client counts its calls upwards; here they have the
 * smallest free number, which is shorter.
 */

function wrong(message: unknown): never {
  throw new Error(`Wrong reply ${String(message).slice(0, 200)}`);
}

function acknowledged(body: string): Rpc {
  const event = isList(body) ? "list" : "echo";
  return {
    requests: (ids) => ids.map((id) => `42${id}["${event}",${body}]`),
    replies(message) {
      const found = /^43(\d+)\[/.exec(message as string);
      if (found === null || (message as string).slice(found[0].length) !== `${body}]`) wrong(message);
      return [Number(found[1])];
    },
  };
}

/** All have the number 0, since the bytes of a reply bear none: they come in order. */
function acknowledgedBytes(body: Uint8Array): Rpc {
  const request = ['451-0["bytes",{"_placeholder":true,"num":0}]', body];
  return {
    ordered: true,
    requests: (ids) => ids.flatMap(() => request),
    replies(message) {
      if (message === '461-0[{"_placeholder":true,"num":0}]') return [];
      if (typeof message === "string" || Buffer.compare(message, body) !== 0) wrong(message);
      return [0];
    },
  };
}

function emitted(body: string): Rpc {
  const event = `42["${isList(body) ? "list" : "echo"}",${body}]`;
  return {
    ordered: true,
    requests: (ids) => ids.map(() => event),
    replies: (message) => (message === event ? [0] : wrong(message)),
  };
}

const dialect: Dialect = {
  path: "/socket.io/?EIO=4&transport=websocket",
  hello: [
    { until: (message) => message.startsWith("0") },
    { say: ["40"], until: (message) => message.startsWith("40") },
  ],
  pong: (message) => (message === "2" ? "3" : undefined),
  rpc: (body: Body) => (typeof body === "string" ? acknowledged(body) : acknowledgedBytes(body)),
  pubsub: {
    join: [],
    publish: (text) => [`42["publish",${JSON.stringify(text)}]`],
    deliveries: (message, text) => (message === `42["message",${JSON.stringify(text)}]` ? 1 : 0),
  },
};

/** Socket.IO, which answers with an acknowledgement. */
export const socketIo: System = {
  name: "Socket.IO ack",
  family: "peer",
  runtime: "node20",
  file: "peers/socket-io.js",
  dialect,
};

const emit: System = {
  ...socketIo,
  name: "Socket.IO emit",
  dialect: { ...dialect, rpc: (body) => (typeof body === "string" ? emitted(body) : undefined) },
};

/** Socket.IO on both Nodes, with acknowledgements and with those and a schema; on one of them with an event for an answer. */
export const socketIoSystems: readonly System[] = [
  ...onBothNodes(socketIo),
  ...onBothNodes({ ...socketIo, schema: true, args: ["schema"] }),
  { ...emit, runtime: "nodeCurrent" },
];

/** Socket.IO's rooms on both Nodes. */
export const socketIoRooms: readonly System[] = onBothNodes({ ...socketIo, name: "Socket.IO room" });
