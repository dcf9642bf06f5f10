import type { AudienceReport } from "./audience.ts";
import type { ChannelTotals } from "./channel-ledger.ts";
import { sum } from "./ledger.ts";
import type { Verdict } from "./verdict.ts";

/** Nothing came twice, out of order, or was never published; and nothing is missing that nobody was told of. */
export function expectSound(verdict: Verdict, what: string, totals: ChannelTotals): void {
  const { lost, twice, outOfOrder, unsent, holes, differing } = totals;
  const is = [lost, twice, outOfOrder, unsent, holes, differing];
  verdict.same(`${what}: lost without a word, twice, out of order, unsent, holes, differing`, is, [0, 0, 0, 0, 0, 0]);
  verdict.must(totals.sent > 0, `${what}: nothing was published`);
}

/** Channels with history are whole, for everybody; those without have no gap that was not told. */
export function expectWhole(verdict: Verdict, { kept, plain }: AudienceReport): void {
  expectSound(verdict, "with history", kept);
  expectSound(verdict, "without history", plain);
  verdict.same("with history: missed at a gap that was told", kept.missed, 0);
  verdict.totals = sum([kept, plain]);
}

/** Says how much was missed, and repeated. */
export function noteChannels(verdict: Verdict, { kept, plain, recovered, gaps, codes }: AudienceReport): void {
  verdict.notes.push(
    `with history ${kept.delivered} of ${kept.sent} heard, ${kept.missed} told to be missing; ` +
      `without ${plain.delivered} of ${plain.sent}, ${plain.missed} told, ${plain.again} again after that`,
    `${recovered} times recovered, ${gaps} gaps told; publications failed: ${JSON.stringify(codes)}`,
  );
}
