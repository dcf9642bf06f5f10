import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PrismError } from "../../src/wire/errors.ts";
import { createEnds, TestAnswering, type End, type Ends, type TestAsking } from "./ends.ts";

/* How many calls of a peer may have items on their way, and when one of them no longer counts. */

const LIMIT = 3;

/** A call, at both ends, and what a reader of PROTOCOL.md would say of it. */
interface Call {
  readonly asking: TestAsking;
  readonly answering: TestAnswering;
  held: number;
  fed: boolean;
  finished: boolean;
  out: boolean;
  over: boolean;
}

function open(ends: Ends): Call {
  const asking = ends.client.ask();
  ends.clock.turn();
  ends.clock.turn();
  const answering = ends.server.answers.at(-1)!;
  answering.takes = false;
  return { asking, answering, held: 0, fed: false, finished: false, out: false, over: false };
}

const streams = ({ over, out, fed, finished, held }: Call): boolean =>
  !over && (out || (fed && !(finished && held === 0)));
const failedBusy = ({ asking }: Call): boolean => asking.log.includes("! busy");

/** Whether exactly as many streams more can be opened. */
async function expectRoom(ends: Ends, room: number): Promise<void> {
  const calls = Array.from({ length: room + 1 }, () => open(ends));
  for (const { asking } of calls) asking.item("x");
  await ends.clock.settle();
  expect(calls.map(failedBusy)).toEqual([...Array<boolean>(room).fill(false), true]);
  for (const { answering } of calls) answering.result("");
  await ends.clock.settle();
}

type Way = "end" | "fail" | "cancel" | "finish and take" | "take and finish" | "finish, never take, end";
const ways: readonly [Way, (call: Call, ends: Ends) => unknown][] = [
  ["end", ({ answering }) => answering.result("")],
  ["fail", ({ answering }) => answering.failure('{"code":"x"}')],
  ["cancel", ({ asking }) => asking.cancel()],
  [
    "finish and take",
    async ({ asking, answering }, { clock }) => {
      asking.finish();
      await clock.settle();
      answering.took();
    },
  ],
  [
    "take and finish",
    ({ asking, answering }) => {
      answering.took();
      asking.finish();
    },
  ],
  [
    "finish, never take, end",
    async ({ asking, answering }, { clock }) => {
      asking.finish();
      await clock.settle();
      answering.result("");
      answering.took();
    },
  ],
];

describe("a stream of items that come in counts until", () => {
  test.each(ways)("%s", async (_, stop) => {
    const ends = createEnds({}, { streams: LIMIT });
    const calls = Array.from({ length: LIMIT }, () => open(ends));
    for (const { asking } of calls) asking.item("x");
    await ends.clock.settle();
    await expectRoom(ends, 0);
    await stop(calls[1]!, ends);
    await ends.clock.settle();
    await expectRoom(ends, 1);
  });

  test("the last item is taken, and not before", async () => {
    const ends = createEnds({}, { streams: 1 });
    const { asking, answering } = open(ends);
    for (let i = 0; i < 3; i++) asking.item("x");
    asking.finish();
    await ends.clock.settle();
    for (let i = 0; i < 3; i++) {
      await expectRoom(ends, 0);
      answering.took();
    }
    await expectRoom(ends, 1);
  });
});

test("a call whose caller sends no item, only the end, is no stream", async () => {
  const ends = createEnds({}, { streams: 1 });
  open(ends).asking.finish();
  await ends.clock.settle();
  await expectRoom(ends, 1);
});

test("a call whose items go both ways is one stream, until both have ended", async () => {
  const ends = createEnds({}, { streams: 2 });
  const { asking, answering } = open(ends);
  asking.item("x");
  await ends.clock.settle();
  expect(ends.server.connection.load.stream(answering, 2)).toBe(true);
  await expectRoom(ends, 1);
  asking.finish();
  await ends.clock.settle();
  answering.took();
  await expectRoom(ends, 1);
  answering.result("");
  await expectRoom(ends, 2);
});

test("items of a call that was refused are late, and break nothing", async () => {
  const ends = createEnds({}, { streams: 1 });
  const [first, second] = [open(ends), open(ends)];
  for (const { asking } of [first, second]) for (let i = 0; i < 16; i++) asking.item("x");
  second.asking.finish();
  await ends.clock.settle();
  expect(second.asking.log).toEqual(["! busy"]);
  expect(second.answering.log).toEqual(["cancelled"]);
  expect(first.answering.log).toHaveLength(16);
  expect(ends.server.closed).toEqual([]);
});

test("a connection that ends counts nothing any more", async () => {
  const ends = createEnds({}, { streams: 2 });
  const calls = [open(ends), open(ends)];
  for (const { asking } of calls) asking.item("x");
  await ends.clock.settle();
  ends.server.connection.end(new PrismError("lost"));
  // What handlers do afterwards neither throws nor counts twice.
  for (const { answering } of calls) {
    answering.took();
    answering.result("");
  }
  const begins = [1, 2, 3].map(() => ends.server.connection.load.stream(new TestAnswering(), 1));
  expect(begins).toEqual([true, true, false]);
});

type Deed = "open" | "item" | "finish" | "cancel" | "take" | "stream" | "result" | "failure";
const deeds: readonly Deed[] = [
  "open",
  "item",
  "item",
  "finish",
  "cancel",
  "take",
  "take",
  "stream",
  "result",
  "failure",
];

test("in whatever order things happen, a stream is refused exactly when there are as many", async () => {
  const step = fc.tuple(fc.constantFrom(...deeds), fc.nat(7));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80, size: "max" }), async (steps) => {
      const ends = createEnds({}, { streams: LIMIT });
      const calls: Call[] = [];
      for (const [deed, pick] of steps) {
        if (deed === "open" || calls.length === 0) calls.push(open(ends));
        else await act(deed, calls[pick % calls.length]!, calls, ends);
        await ends.clock.settle();
        for (let i = calls.length - 1; i >= 0; i--) if (calls[i]!.over) calls.splice(i, 1);
      }
      await expectRoom(ends, LIMIT - calls.filter(streams).length);
      for (const { answering } of calls) answering.result("");
      await ends.clock.settle();
      await expectRoom(ends, LIMIT);
      expect([...closed(ends.client), ...closed(ends.server)]).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

const closed = (end: End): readonly unknown[] => [...end.closed, ...end.broken];

async function act(
  deed: Exclude<Deed, "open">,
  call: Call,
  calls: readonly Call[],
  { clock, server }: Ends,
): Promise<void> {
  const { asking, answering } = call;
  const full = !streams(call) && calls.filter(streams).length >= LIMIT;
  switch (deed) {
    case "item":
      if (call.finished || asking.credit < 1) return;
      asking.item("x");
      await clock.settle();
      expect(failedBusy(call)).toBe(full);
      if (full) call.over = true;
      else {
        call.fed = true;
        call.held++;
      }
      return;
    case "finish":
      if (!call.finished) asking.finish();
      call.finished = true;
      return;
    case "take":
      if (call.held === 0) return;
      answering.took();
      call.held--;
      return;
    case "stream":
      expect(server.connection.load.stream(answering, 2)).toBe(!full);
      call.out ||= !full;
      return;
    case "cancel":
      asking.cancel();
      // The callee's end of it, which `Answer` brings about for a handler.
      await clock.settle();
      call.over = true;
      return;
    case "result":
      answering.result("");
      call.over = true;
      return;
    default:
      answering.failure('{"code":"x"}');
      call.over = true;
  }
}
