import type { RuntimeName } from "../../test/support/runtimes.ts";
import { type Server, startServer } from "../harness/server.ts";
import { bare, type Dialect, prism, recoveringSocketIo, socketIo } from "./dialect.ts";

/** What is started: a file, from `bench/`, and its arguments. */
interface Program {
  readonly file: string;
  readonly args?: readonly string[];
}

/** A system with a crowd of clients. */
export interface CrowdSystem extends Program {
  readonly name: string;
  readonly runtime: RuntimeName;
  /** What sends to a room, where that is another program than what answers. */
  readonly room?: Program;
  readonly dialect: Dialect;
}

const prismNode20: CrowdSystem = {
  name: "Prism · Node 20",
  runtime: "node20",
  file: "servers/crowd-prism.ts",
  dialect: prism,
};
const wsNode20: CrowdSystem = {
  name: "ws · Node 20",
  runtime: "node20",
  file: "servers/ws-echo.ts",
  room: { file: "servers/ws-broadcast.ts" },
  dialect: bare,
};
const socketIoNode20: CrowdSystem = {
  name: "Socket.IO · Node 20",
  runtime: "node20",
  file: "peers/socket-io.js",
  dialect: socketIo,
};
const crossws: CrowdSystem = {
  name: "crossws · Node 20",
  runtime: "node20",
  file: "peers/crossws.js",
  room: { file: "peers/crossws.js", args: ["publish"] },
  dialect: bare,
};

/** The systems whose crowds are measured. */
export const systems = {
  prismNode20,
  prismNode26: { ...prismNode20, name: "Prism · Node 26", runtime: "nodeCurrent" },
  prismBun: { ...prismNode20, name: "Prism · Bun", runtime: "bun" },
  prismDeno: { ...prismNode20, name: "Prism · Deno", runtime: "deno" },
  wsNode20,
  wsCorkedNode20: {
    ...wsNode20,
    name: "ws, corked · Node 20",
    args: ["corked"],
    room: { file: "servers/ws-broadcast.ts", args: ["corked"] },
  },
  tcpNode20: { name: "TCP alone · Node 20", runtime: "node20", file: "servers/tcp-broadcast.ts", dialect: bare },
  wsNode26: { ...wsNode20, name: "ws · Node 26", runtime: "nodeCurrent" },
  plainBun: {
    name: "Bun.serve · Bun",
    runtime: "bun",
    file: "servers/bun.ts",
    room: { file: "servers/bun.ts", args: ["publish"] },
    dialect: bare,
  },
  plainDeno: { name: "Deno.serve · Deno", runtime: "deno", file: "servers/deno.ts", dialect: bare },
  socketIoNode20,
  socketIoNode26: { ...socketIoNode20, name: "Socket.IO · Node 26", runtime: "nodeCurrent" },
  recoveringSocketIo: {
    name: "Socket.IO, recovery · Node 20",
    runtime: "node20",
    file: "peers/recovering-socket-io.js",
    dialect: recoveringSocketIo,
  },
  crossws,
} as const satisfies Readonly<Record<string, CrowdSystem>>;

/** The flags with which each runtime lets a program collect its garbage. */
const collecting: Readonly<Record<RuntimeName, readonly string[]>> = {
  node20: ["--expose-gc"],
  nodeCurrent: ["--expose-gc"],
  bun: [],
  deno: ["--v8-flags=--expose-gc"],
};

/**
 * Starts a system's server, which can be asked for its `heap` and its `cpu`.
 *
 * @param system the system
 * @param room whether it is to send to a room
 */
export function startCrowdServer(system: CrowdSystem, room: boolean): Promise<Server> {
  const { file, args = [] } = (room ? system.room : undefined) ?? system;
  return startServer({ runtime: system.runtime, file, args, flags: collecting[system.runtime] });
}
