import type { ChurnOptions, Ways } from "../churn.ts";
import { type Row, toMiB, toRuntime } from "../verdict.ts";

/** Those who were cut live on for so long, in ms. */
const RESUME_WITHIN = 500;

/** What is left of each, in bytes, at most: less than anything that could be kept of it. */
const EACH = 50;
/** What a collector may leave lying about, in bytes. */
const SLACK = 1_572_864;

/** Row 28: connects and disconnects in a loop; the heap stays as it is. */
export const row28: Row = {
  number: 28,
  title: "connects and disconnects",
  lineups: ["node20", "nodeCurrent", "bun", "deno"],
  // Both Nodes have the same adapter: a test run has one of them.
  tested: ["node20", "bun", "deno"],
  async run({ scene, lineup, size, verdict }) {
    const runtime = toRuntime(lineup);
    const total = size === "long" ? 1_000_000 : runtime === "node20" ? 20_000 : 5_000;
    const node = await scene.node(runtime, { name: "n", limits: { resumeWithin: RESUME_WITHIN } });
    const options: ChurnOptions = { port: node.port, parallel: 50 };
    const churn = await scene.helper<object>("churn.ts", options);

    const settle = async (): Promise<number> => {
      const { connections, suspended } = await node.until("connections", "=", 0);
      verdict.same("connections that are left", [connections, suspended], [0, 0]);
      return (await node.memory()).heap;
    };
    await churn.ask("run", Math.max(total / 20, 2_000));
    const heaps = [await settle()];
    const started = performance.now();
    let busy = 0;
    for (let part = 0; part < 4; part++) {
      const began = performance.now();
      const ways = await churn.ask<Ways>("run", total / 4);
      busy += performance.now() - began;
      verdict.same(
        "came and went",
        Object.values(ways).reduce((a, b) => a + b),
        total / 4,
      );
      heaps.push(await settle());
    }
    const growth = heaps.at(-1)! - heaps[0]!;
    verdict.most(`bytes of heap after ${total}`, growth, total * EACH + SLACK);
    verdict.same("errors", (await node.state()).errors, []);
    verdict.memory = heaps.map(toMiB).join(", ");
    verdict.notes.push(
      `${Math.round((total / busy) * 1_000)} a second; ${(growth / total).toFixed(1)} bytes of each are left, ` +
        `after ${Math.round((performance.now() - started) / 1_000)} s`,
    );
  },
};
