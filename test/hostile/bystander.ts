/** Somebody who does nothing wrong, in a process of its own, and measures how that is going. */
import process from "node:process";
import { createInterface } from "node:readline";
import { connect } from "../../src/client/node.ts";
import { rpc } from "../../src/services/rpc/client.ts";
import type { App } from "../contract/app.ts";

/** How it went since the last report; times in ms. */
export interface Report {
  readonly calls: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** All of them, in order. */
  readonly times: readonly number[];
  /** Whatever befell its connection. */
  readonly events: readonly string[];
}

/** Time between two calls, in ms. */
const PAUSE = 3;

/** How many calls it makes before anything happens, for comparison. */
const QUIET = 100;

const client = connect<App, "calls">(process.argv[2]!, { services: { calls: rpc() } });
await client.connection.opened;
const events: string[] = [];
client.connection.on("status", (status) => void events.push(status));
client.connection.on("reset", () => void events.push("reset"));
let times: number[] = [];
const stop = new AbortController();

createInterface({ input: process.stdin }).on("line", (line) => {
  const sorted = times.map((time) => Math.round(time * 100) / 100).toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0;
  const report: Report = {
    calls: times.length,
    p50: at(0.5),
    p99: at(0.99),
    max: at(0.999_999),
    times: sorted,
    events,
  };
  times = [];
  console.log(`report ${JSON.stringify(report)}`);
  if (line !== "end") return;
  stop.abort();
  client.connection.close();
  process.stdin.destroy();
});

for (let i = 0; !stop.signal.aborted; i++) {
  const started = performance.now();
  try {
    const echoed = await client.calls.echo(i, { timeout: 5_000 });
    if (echoed !== i) events.push(`${String(echoed)} for ${i}`);
  } catch (error) {
    if (!stop.signal.aborted) events.push(String(error));
  }
  times.push(performance.now() - started);
  if (times.length === QUIET) console.log("ready {}");
  await new Promise((resolve) => setTimeout(resolve, PAUSE));
}
