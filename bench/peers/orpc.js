// oRPC over its adapter for `ws`. With `plain`, nothing checks what a call carries.
import process from "node:process";
import { os } from "@orpc/server";
import { RPCHandler } from "@orpc/server/ws";
import * as v from "valibot";
import { WebSocketServer } from "ws";
import { ready } from "../servers/ready.ts";
import { Echo, List } from "../systems/schemas.ts";

const echo = process.argv.includes("plain") ? os : os.input(Echo);
const router = {
  echo: echo.handler(({ input }) => input),
  list: os.input(List).handler(({ input }) => input),
  bytes: os.input(v.blob()).handler(({ input }) => input),
};
const handler = new RPCHandler(router);
const wss = new WebSocketServer({ port: 0, perMessageDeflate: false }, () => ready(wss.address().port));
wss.on("connection", (ws) => void handler.upgrade(ws, { context: {} }));
