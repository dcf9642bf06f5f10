// tRPC over its WebSocket adapter: a procedure that adds, for its own client.
import { initTRPC } from "@trpc/server";
import { applyWSSHandler } from "@trpc/server/adapters/ws";
import { WebSocketServer } from "ws";
import { ready } from "../servers/ready.ts";
import { Sum } from "../systems/sum.ts";

const t = initTRPC.create();
const router = t.router({ math: t.router({ add: t.procedure.input(Sum).query(({ input: { a, b } }) => a + b) }) });
const wss = new WebSocketServer({ port: 0, perMessageDeflate: false }, () => ready(wss.address().port));
applyWSSHandler({ wss, router });
