/** The `machine` channel: a sample of this machine each second, and the last minutes for who comes late or comes back. */
import * as v from "valibot";
import { channel } from "../../src/services/pubsub/server.ts";
import { createSampler } from "./sampler.ts";

/** How many samples are kept, one a second: a page that was away for less has no gap. */
const kept = 600;

const Sample = v.object({
  at: v.number(),
  cores: v.array(v.number()),
  memory: v.object({
    total: v.number(),
    used: v.number(),
    swapTotal: v.number(),
    swapUsed: v.number(),
    process: v.number(),
  }),
  load: v.nullable(v.tuple([v.number(), v.number(), v.number()])),
  network: v.nullable(v.object({ in: v.number(), out: v.number() })),
  delay: v.object({ mean: v.number(), max: v.number() }),
  /** Connections now; frames received and sent during this second. */
  prism: v.object({ connections: v.number(), received: v.number(), sent: v.number() }),
});
export type Sample = v.InferOutput<typeof Sample>;

/** What the app counts: connections now, and frames since it started. */
export interface Traffic {
  readonly connections: number;
  readonly received: number;
  readonly sent: number;
}

export const machine = channel({
  message: Sample,
  subscribe: true,
  history: { size: kept, ttl: kept * 1000 },
});

/**
 * Takes a sample each second.
 *
 * @param publish Takes it.
 * @param traffic Asked for each.
 * @returns Stops it.
 */
export function watchMachine(publish: (sample: Sample) => Promise<unknown>, traffic: () => Traffic): () => void {
  const sampler = createSampler();
  let before = traffic();
  let stopped = false;
  const timer = setInterval(async () => {
    const seen = await sampler.sample();
    if (stopped) return;
    const now = traffic();
    const { connections } = now;
    const prism = { connections, received: now.received - before.received, sent: now.sent - before.sent };
    before = now;
    await publish({ ...seen, prism }).catch((error: unknown) => console.warn("A sample was not published:", error));
  }, 1000);
  return () => {
    stopped = true;
    clearInterval(timer);
    sampler.stop();
  };
}
