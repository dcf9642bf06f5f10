// tRPC over its WebSocket adapter. With `plain`, nothing checks what a call carries.
import process from "node:process";
import { initTRPC } from "@trpc/server";
import { applyWSSHandler } from "@trpc/server/adapters/ws";
import { WebSocketServer } from "ws";
import { ready } from "../servers/ready.ts";
import { Echo, List } from "../systems/schemas.ts";

const t = initTRPC.create();
const plain = process.argv.includes("plain");
const echo = plain ? t.procedure.input((value) => value) : t.procedure.input(Echo);
const router = t.router({
  echo: echo.query(({ input }) => input),
  list: t.procedure.input(List).query(({ input }) => input),
});
const wss = new WebSocketServer({ port: 0, perMessageDeflate: false }, () => ready(wss.address().port));
applyWSSHandler({ wss, router });
