import { expectSound } from "../channel-verdict.ts";
import type { AudienceReport } from "../audience.ts";
import { Cluster } from "../cluster.ts";
import type { Audience } from "../halls.ts";
import { sum } from "../ledger.ts";
import type { Speech } from "../speaker.ts";
import type { Row } from "../verdict.ts";

/** Found out after these; then the connection waits for `resumeWithin`; all in ms. */
const found = { heartbeat: 300, patience: 500 };

/**
 * In between they are awake for `rest` ms: a client waits longer between its attempts when it is cut off again within 5 s,
 * and more may come meanwhile than is kept for it.
 */
const sizes = {
  short: { listeners: 6, naps: 1, sleeps: 1, resumeWithin: 5_000, rest: 0 },
  long: { listeners: 20, naps: 5, sleeps: 3, resumeWithin: 10_000, rest: 6_000 },
};

/** `brief` ones keep less than is published while somebody sleeps. */
const channels = ["kept/0", "brief/0", "plain/0"];
/** How many messages a second there are on each. */
const RATE = 40;
/** For how much longer they nap than it takes to be noticed, in ms. */
const NAP = 500;

/** Row 8, of channels: subscribers sleep, within the window and past it. A silent gap is what must never be. */
export const row08OfChannels: Row = {
  number: 8,
  title: "subscriber asleep",
  lineups: ["mixed", "node20", "nodeCurrent", "bun", "deno"],
  tested: ["mixed"],
  async run({ scene, lineup, size, verdict }) {
    const { listeners, naps, sleeps, resumeWithin, rest } = sizes[size];
    const cluster = await Cluster.start(scene, lineup, { limits: { ...found, resumeWithin } });
    const speeches = channels.map((channel): Speech => ({ channel, rate: RATE, by: "publish" }));
    const sleepers = await Promise.all(
      cluster.nodes.map(({ url }, i) => {
        return scene.audience({ url, name: `s${i}.`, listeners, channels, speeches: [] });
      }),
    );
    const awake = await scene.audience({ url: cluster.nodes[0]!.url, name: "a", listeners: 1, channels, speeches });
    const all = (signal: NodeJS.Signals): void => {
      for (const sleeper of sleepers) sleeper.signal(signal);
    };
    const hear = (): Promise<unknown> => Promise.all(sleepers.map((sleeper) => sleeper.hear(listeners * RATE)));

    for (let nap = 1; nap <= naps; nap++) {
      await new Promise((resolve) => setTimeout(resolve, rest));
      await hear();
      all("SIGSTOP");
      const dozing = await Promise.all(cluster.nodes.map((node) => node.until("suspended", "=", listeners)));
      verdict.same(
        "suspended while they napped",
        dozing.map(({ suspended }) => suspended),
        fill(sleepers, listeners),
      );
      await new Promise((resolve) => setTimeout(resolve, NAP));
      all("SIGCONT");
      await Promise.all(sleepers.map((sleeper) => sleeper.until("resumed", ">=", listeners * nap)));
    }
    await hear();
    const rested = await settle(sleepers, awake);
    for (const report of rested) {
      const { resumed, reset, gaps, recovered } = report;
      // A machine that is too busy may have taken somebody for dead who was not.
      verdict.must(resumed >= listeners * naps, `${resumed} were resumed after ${naps} naps of ${listeners}`);
      verdict.same("reset, gaps, recovered after naps", [reset, gaps, recovered], [0, 0, 0]);
      for (const channel of channels) {
        expectSound(verdict, `${channel} after naps`, report.channels[channel]!);
        verdict.same(`${channel} after naps: missed`, report.channels[channel]!.missed, 0);
      }
    }

    await awake.speak();
    for (let sleep = 1; sleep <= sleeps; sleep++) {
      await new Promise((resolve) => setTimeout(resolve, rest));
      await hear();
      const before = await Promise.all(cluster.nodes.map((node) => node.state()));
      // Those of the one who is awake.
      const others = before.map(({ connections }) => connections - listeners);
      all("SIGSTOP");
      const left = await Promise.all(
        cluster.nodes.map((node, i) => node.until("connections", "=", others[i]!).then((now) => now.connections)),
      );
      verdict.same("connections that are left while they sleep", left, others);
      all("SIGCONT");
      await Promise.all(sleepers.map((sleeper) => sleeper.until("reset", ">=", listeners * sleep)));
    }
    await hear();
    const woken = await settle(sleepers, awake);
    for (const report of woken) {
      const { reset, gaps, recovered, ended, errors } = report;
      verdict.same("reset after long sleeps", reset, listeners * sleeps);
      // That with enough history of three is recovered.
      const expected = [2 * listeners * sleeps, listeners * sleeps];
      verdict.same("told of a gap, and recovered", [gaps, recovered], expected);
      for (const channel of channels) expectSound(verdict, `${channel} after long sleeps`, report.channels[channel]!);
      verdict.same("kept: missed", report.channels["kept/0"]!.missed, 0);
      verdict.must(report.channels["brief/0"]!.missed > 0, "a history that is too short has lacked nothing");
      verdict.same("ended, errors", [ended, errors], [0, []]);
    }
    verdict.same("errors", await cluster.complaints(), []);
    verdict.totals = sum(woken.flatMap(({ kept, plain }) => [kept, plain]));
    verdict.outages = woken.flatMap(({ outages }) => outages).toSorted((a, b) => a - b);
    const missed = (channel: string): number =>
      woken.reduce((count, { channels: of }) => count + of[channel]!.missed, 0);
    verdict.notes.push(
      `told to be missing after ${sleeps * sleepers.length * listeners} resets: ` +
        channels.map((channel) => `${missed(channel)} of ${channel}`).join(", "),
    );
  },
};

const fill = (sleepers: readonly unknown[], value: number): number[] => sleepers.map(() => value);

/** Nobody publishes any more: what each of them has heard. */
async function settle(sleepers: readonly Audience[], awake: Audience): Promise<AudienceReport[]> {
  const streams = await awake.hush();
  return Promise.all(sleepers.map((sleeper) => sleeper.finish(streams)));
}
