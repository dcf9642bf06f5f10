// Servers of one app on Node, Bun and Deno, connected by Redis.
import { describePairs } from "../broker/pairs.ts";
import { startRedis } from "../support/redis.ts";

describePairs(async () => {
  const { url, stop } = await startRedis();
  return { options: { engine: "redis", url }, stop };
});
