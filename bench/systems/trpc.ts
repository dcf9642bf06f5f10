import { isList } from "../load/bodies.ts";
import type { Dialect } from "../load/dialect.ts";
import { onBothNodes, type System } from "./system.ts";

/*
 * As `wsLink` writes it: a request alone is an object, those of one turn are one message with an array; each is answered in
 * a message of its own. Its client counts its calls upwards; here they have the smallest free number, which is shorter.
 * There is no binary body.
 */
const dialect: Dialect = {
  path: "/",
  hello: [],
  pong: (message) => (message === "PING" ? "PONG" : undefined),
  rpc(body) {
    if (typeof body !== "string") return undefined;
    const path = isList(body) ? "list" : "echo";
    const write = (id: number): string =>
      `{"id":${id + 1},"method":"query","params":{"input":${body},"path":"${path}"}}`;
    return {
      requests: (ids) => [ids.length === 1 ? write(ids[0]!) : `[${ids.map(write).join()}]`],
      replies(message) {
        const id = Number(/^{"id":(\d+),/.exec(message as string)?.[1]) - 1;
        if (message !== `{"id":${id + 1},"result":{"type":"data","data":${body}}}`) {
          throw new Error(`Wrong reply ${String(message).slice(0, 200)}`);
        }
        return [id];
      },
    };
  },
};

const checked: System = {
  name: "tRPC",
  family: "peer",
  runtime: "node20",
  file: "peers/trpc.js",
  dialect,
  schema: true,
};

/** tRPC's queries on both Nodes, and on one of them without a schema. */
export const trpcSystems: readonly System[] = [
  ...onBothNodes(checked),
  { ...checked, schema: false, args: ["plain"], runtime: "nodeCurrent" },
];
