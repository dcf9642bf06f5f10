import { isList } from "../load/bodies.ts";
import type { Body, Dialect, Rpc } from "../load/dialect.ts";
import { onBothNodes, type System } from "./system.ts";

/*
 * As its `RPCLink` over a WebSocket writes it: each call in a message of its own, with an id that counts upwards; here it is
 * the smallest free one, which is shorter. Bytes are a Blob, and travel as a form.
 */

function wrong(message: unknown): never {
  throw new Error(`Wrong reply ${String(message).slice(0, 200)}`);
}

function callsOfText(body: string): Rpc {
  const path = isList(body) ? "list" : "echo";
  return {
    requests: (ids) => ids.map((id) => `{"i":"${id + 1}","p":{"u":"/${path}","b":{"json":${body}}}}`),
    replies(message) {
      const id = Number(/^{"i":"(\d+)",/.exec(message as string)?.[1]) - 1;
      if (message !== `{"i":"${id + 1}","p":{"b":{"json":${body}}}}`) wrong(message);
      return [id];
    },
  };
}

const BOUNDARY = "----formdata-undici-055695158028";

function writeForm(body: Uint8Array): Buffer {
  const head = (name: string, more: string): string =>
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`;
  const file = head("0", '; filename="blob"\r\nContent-Type: application/octet-stream');
  return Buffer.concat([
    Buffer.from(`${head("data", "")}{"json":{},"maps":[[]]}\r\n${file}`),
    body,
    Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
  ]);
}

function callsOfBytes(body: Uint8Array): Rpc {
  const form = writeForm(body);
  const sent = Buffer.from(body);
  const type = `multipart/form-data; boundary=${BOUNDARY}`;
  return {
    requests: (ids) =>
      ids.map((id) => {
        const json = `{"i":"${id + 1}","p":{"u":"/bytes","h":{"content-type":"${type}"}}}`;
        return Buffer.concat([Buffer.from(json), Buffer.of(0xff), form]);
      }),
    replies(message) {
      if (typeof message === "string") wrong(message);
      const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
      const id = Number(/^{"i":"(\d+)",/.exec(bytes.toString("latin1", 0, 32))?.[1]) - 1;
      // The boundary is another each time; its length is not.
      if (Number.isNaN(id) || Math.abs(bytes.length - form.length) > 200 || !bytes.includes(sent)) wrong(message);
      return [id];
    },
  };
}

const dialect: Dialect = {
  path: "/",
  hello: [],
  rpc: (body: Body) => (typeof body === "string" ? callsOfText(body) : callsOfBytes(body)),
};

const checked: System = {
  name: "oRPC",
  family: "peer",
  runtime: "node20",
  file: "peers/orpc.js",
  dialect,
  schema: true,
};

/** oRPC on both Nodes, and on one of them without a schema. */
export const orpcSystems: readonly System[] = [
  ...onBothNodes(checked),
  { ...checked, schema: false, args: ["plain"], runtime: "nodeCurrent" },
];
