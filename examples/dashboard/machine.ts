/** The `machine` service: one sample of this machine a second to everyone who watches, and the last two minutes on request. */
import * as v from "valibot";
import { defineService } from "../../mod.ts";
import { createSampler } from "./sampler.ts";

const seconds = 120;

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

/** @param traffic Asked once a second. */
export function machine(traffic: () => Traffic) {
  return defineService({
    kind: "machine",
    codec: "json",
    down: Sample,
    client: (host) => ({
      /** Calls `hear` with each new sample. */
      onSample: (hear: (sample: Sample) => void) => host.onmessage(hear),
      /** The last two minutes, oldest first. */
      history: () => host.call<Sample[]>(null),
    }),
    server: (host) => {
      const sampler = createSampler();
      const recent: Sample[] = [];
      let before: Traffic = { connections: 0, received: 0, sent: 0 };

      const timer = setInterval(async () => {
        const seen = await sampler.sample();
        const now = traffic();
        const prism = {
          connections: now.connections,
          received: now.received - before.received,
          sent: now.sent - before.sent,
        };
        before = now;
        const sample: Sample = { ...seen, prism };
        recent.push(sample);
        if (recent.length > seconds) recent.shift();
        // A watcher that cannot keep up misses samples rather than filling the server's memory.
        host.broadcast(sample, { volatile: true });
      }, 1000);

      host.oncall(() => recent);
      host.onclose(() => {
        clearInterval(timer);
        sampler.stop();
      });
      return {};
    },
  });
}
