/** What the three `main` files share: where to listen, what to say, and how to end. */
import process from "node:process";
import { parseArgs } from "node:util";
import { type App, createApp, runtime } from "./app.ts";
import { watchMachine } from "./machine.ts";

/** Where to listen: what `serve` takes on every runtime. */
export interface Address {
  readonly port: number;
  readonly hostname: string;
}

interface Server {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves the dashboard until the process is asked to end, and says where it is.
 *
 * @param serve Listens, with the runtime's own adapter.
 */
export async function run(serve: (app: App, address: Address) => Promise<Server>): Promise<void> {
  try {
    const address = readAddress();
    const app = createApp();
    const server = await serve(app, address);
    const stop = watchMachine(
      (sample) => app.services.live.publish("machine", sample),
      () => app.stats(),
    );
    const { hostname } = address;
    const host = hostname === "127.0.0.1" || hostname === "0.0.0.0" ? "localhost" : hostname;
    console.log(`Prism dashboard on http://${host.includes(":") ? `[${host}]` : host}:${server.port} (${runtime()})`);

    const end = (): void => {
      stop();
      void server.close().finally(() => process.exit(0));
    };
    process.on("SIGINT", end);
    // Windows has no SIGTERM, and Deno throws there rather than ignoring it.
    if (process.platform !== "win32") process.on("SIGTERM", end);
  } catch (error) {
    console.error(`The dashboard cannot start: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
}

/**
 * Reads `--port` and `--host`, or `PORT` and `HOST`. Without them the dashboard is at port 3000 and can be seen from
 * this machine only: it tells about the machine and lets anyone who reaches it chat.
 */
function readAddress(): Address {
  const { values } = parseArgs({ options: { port: { type: "string" }, host: { type: "string" } } });
  const { port = process.env["PORT"] || "3000", host = process.env["HOST"] || "127.0.0.1" } = values;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new RangeError(`The port must be a number from 0 to 65535, not "${port}"`);
  }
  return { port: Number(port), hostname: host };
}
