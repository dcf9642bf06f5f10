import { expect, test } from "vitest";
import { type ChannelTotals, dues, Hearing, judge, type Stream, writeItem } from "./channel-ledger.ts";
import { nothing } from "./ledger.ts";

/** What somebody hears: numbers of one stream, and what they are told. */
type Heard = number | "recovered" | "gap";

/** A stream that began before all of that. */
const STREAM = "p@1";

/** What becomes of five acknowledged messages, and a sixth of which nobody knows, where this is heard. */
function become(heard: readonly Heard[], kept: boolean, others: readonly (readonly Heard[])[] = []): ChannelTotals {
  const streams = new Map<string, Stream>([[STREAM, { channel: "c", acknowledged: 5, tried: 6 }]]);
  const hearings = [heard, ...others].map((one) => {
    const hearing = new Hearing("c", kept);
    hearing.subscribed({ recovered: true, first: true });
    for (const what of one) {
      if (typeof what === "number") hearing.take(writeItem(STREAM, what), kept ? what + 1 : undefined);
      else hearing.subscribed({ recovered: what === "recovered", first: false });
    }
    return hearing;
  });
  return judge(dues(streams, hearings), hearings.slice(0, 1 + others.length));
}

const none = { ...nothing, missed: 0, again: 0, holes: 0, differing: 0 };

test.each<readonly [what: string, heard: readonly Heard[], expected: Partial<ChannelTotals>]>([
  ["all come", [0, 1, 2, 3, 4], { delivered: 5 }],
  ["the one that nobody knows of comes, too", [0, 1, 2, 3, 4, 5], { sent: 6, delivered: 6 }],
  ["nothing comes", [], { lost: 5 }],
  ["nothing comes, as was told", ["gap"], { missed: 5 }],
  ["the last are lost", [0, 1, 2], { delivered: 3, lost: 2 }],
  ["the last are lost, as was told", [0, 1, 2, "gap"], { delivered: 3, missed: 2 }],
  ["one is lost in between", [0, 1, 3, 4], { delivered: 4, lost: 1 }],
  ["one is lost in between, as was told", [0, 1, "gap", 3, 4], { delivered: 4, missed: 1 }],
  ["one is lost, and a gap told before it", [0, "gap", 1, 3, 4], { delivered: 4, lost: 1 }],
  ["one is lost, and a gap told behind it", [0, 1, 3, "gap", 4], { delivered: 4, lost: 1 }],
  ["a subscription goes on, and one is lost", [0, 1, "recovered", 3, 4], { delivered: 4, lost: 1 }],
  ["one comes twice", [0, 1, 1, 2, 3, 4], { delivered: 5, twice: 1 }],
  ["one comes again after a gap", [0, 1, 2, "gap", 2, 3, 4], { delivered: 5, again: 1 }],
  ["two are swapped", [0, 2, 1, 3, 4], { delivered: 5, outOfOrder: 1 }],
  ["one comes that was never tried", [0, 1, 2, 3, 4, 5, 6], { sent: 7, delivered: 7, unsent: 1 }],
])("without history: %s", (_, heard, expected) => {
  expect(become(heard, false)).toEqual({ ...none, sent: 5, ...expected });
});

test.each<readonly [what: string, heard: readonly Heard[], expected: Partial<ChannelTotals>]>([
  ["all come", [0, 1, "recovered", 2, 3, 4], { delivered: 5 }],
  ["one is lost", [0, 1, 3, 4], { delivered: 4, lost: 1, holes: 1 }],
  ["a gap is told", [0, 1, "gap", 3, 4], { delivered: 4, missed: 1 }],
  ["one comes again after a gap", [0, 1, 2, "gap", 2, 3, 4], { delivered: 5, twice: 1 }],
])("with history: %s", (_, heard, expected) => {
  expect(become(heard, true)).toEqual({ ...none, sent: 5, ...expected });
});

test("with history: what one hears all are to hear, though nobody knows that it was published", () => {
  const all = [0, 1, 2, 3, 4];
  expect(become(all, true, [[...all, 5]])).toMatchObject({ sent: 12, delivered: 11, lost: 1, differing: 1 });
  expect(become(all, false, [[...all, 5]])).toMatchObject({ sent: 11, delivered: 11, lost: 0 });
});

test("of a stream whose publisher is gone all are due but the last", () => {
  const hearings = [new Hearing("c", false), new Hearing("c", false)];
  for (let i = 0; i < 3; i++) hearings[0]!.take(writeItem(STREAM, i), undefined);
  const totals = judge(dues(new Map(), hearings), hearings);
  expect(totals).toMatchObject({ sent: 5, delivered: 3, lost: 2 });
});
