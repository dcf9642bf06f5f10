// Who is there is right after one of three servers was killed, and again when its members are back: over NATS.
import { describeCrowd } from "../broker/crowd.ts";
import { startNats } from "../support/nats.ts";

describeCrowd(
  async () => {
    const { url, stop } = await startNats();
    return { options: { engine: "nats", url, lease: 2_000 }, stop };
  },
  2,
  ["bun"],
);
