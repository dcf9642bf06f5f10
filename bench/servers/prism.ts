/* Arguments: `resumeWithin=0` for connections that end with their sockets. On standard input it is
 * asked for its heap, in bytes, and its CPU time, in nanoseconds. */
import * as v from "valibot";
import { serve } from "../../adapters/node.ts";
import { prism } from "../../mod.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";

const Echo = v.object({ n: v.number() });
const limits = process.argv.includes("resumeWithin=0") ? { resumeWithin: 0 } : {};
const app = prism({ limits: { ...limits, connectionsPerAddress: 100_000 } }).service(
  "bench",
  rpc({ echo: procedure(Echo, (value) => value) }),
);
const { port } = await serve(app, { port: 0 });
console.log(`ready ${port}`);

process.stdin.on("data", (chunk: Buffer) => {
  if (String(chunk).startsWith("cpu")) {
    const { user, system } = process.cpuUsage();
    console.log(`cpu ${(user + system) * 1_000}`);
    return;
  }
  globalThis.gc?.();
  globalThis.gc?.();
  console.log(`heap ${process.memoryUsage().heapUsed}`);
});
