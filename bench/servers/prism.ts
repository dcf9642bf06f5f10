/* Arguments: `resumeWithin=0` for connections that end with their sockets, `both` for an app of each kind, that with
 * resuming first. On standard input it is asked for its heap, in bytes, and its CPU time, in nanoseconds. */
import * as v from "valibot";
import { serve } from "../../adapters/node.ts";
import { prism } from "../../mod.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";

const Echo = v.object({ n: v.number() });
const create = (limits: { resumeWithin?: number }) =>
  prism({ limits: { ...limits, connectionsPerAddress: 100_000 } }).service(
    "bench",
    rpc({ echo: procedure(Echo, (value) => value) }),
  );
const given = process.argv.includes("resumeWithin=0") ? { resumeWithin: 0 } : {};
const { port } = await serve(create(given), { port: 0 });
const other = process.argv.includes("both") ? await serve(create({ resumeWithin: 0 }), { port: 0 }) : undefined;
console.log(`ready ${port} ${other?.port ?? ""}`);

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
