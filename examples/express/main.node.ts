/** Builds the page, and serves Express, Hono and Prism on one port. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { parseArgs } from "node:util";
import { attach } from "../../adapters/node.ts";
import { app } from "./app.ts";
import { build } from "./build.ts";
import { web } from "./web.ts";

const { values } = parseArgs({ options: { port: { type: "string" }, host: { type: "string" } } });
const { port = process.env["PORT"] || "3000", host = process.env["HOST"] || "127.0.0.1" } = values;

await build();
const server = createServer(web);
attach(app, server);
server.listen(Number(port), host, () => {
  console.log(`Prism with Express on http://localhost:${(server.address() as AddressInfo).port}`);
});

async function end(): Promise<void> {
  server.close();
  await app.close();
  server.closeAllConnections();
  process.exit(0);
}
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void end());
