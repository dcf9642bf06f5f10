// Who is there is right after one of three servers was killed, and again when its members are back: over Redis.
import { describeCrowd } from "../broker/crowd.ts";
import { startRedis } from "../support/redis.ts";

describeCrowd(
  async () => {
    const { url, stop } = await startRedis();
    return { options: { engine: "redis", url, lease: 2_000 }, stop };
  },
  1.4,
  ["node20"],
);
