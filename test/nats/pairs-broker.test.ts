// Servers of one app on Node, Bun and Deno, connected by NATS: `@nats-io/transport-node` runs on all three.
import { describePairs } from "../broker/pairs.ts";
import { startNats } from "../support/nats.ts";

describePairs(async () => {
  const { url, stop } = await startNats();
  return { options: { engine: "nats", url }, stop };
});
