// tRPC's client as an app has it. Arguments: the port, and how many calls are under way.
import process from "node:process";
import { createTRPCClient, createWSClient, wsLink } from "@trpc/client";
import { WebSocket } from "ws";
import { drive } from "../clients/drive.ts";

const native = globalThis.WebSocket ?? WebSocket;
const client = createWSClient({ url: `ws://127.0.0.1:${process.argv[2]}`, WebSocket: native });
const trpc = createTRPCClient({ links: [wsLink({ client })] });
await trpc.math.add.query({ a: 1, b: 1 });
drive((a, b) => trpc.math.add.query({ a, b }));
