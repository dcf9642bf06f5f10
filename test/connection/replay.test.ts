import fc from "fast-check";
import { expect, test } from "vitest";
import { ServerOutbox } from "../../src/connection/server-outbox.ts";
import { Replay } from "../../src/connection/replay.ts";
import type { Frame } from "../../src/wire/frames.ts";

const MODULO = 2 ** 31;

test("what is kept lets go of the oldest first, across turns, and knows its weight", () => {
  const sizes = fc.array(fc.array(fc.nat(9), { minLength: 1, maxLength: 4 }), { maxLength: 12 });
  fc.assert(
    fc.property(sizes, fc.array(fc.nat(9), { maxLength: 12 }), (turns, releases) => {
      const replay = new Replay();
      const kept: string[] = [];
      const same = (): void => {
        expect(replay.all()).toEqual(kept);
        expect([replay.count, replay.size]).toEqual([kept.length, kept.join("").length]);
      };
      for (const [at, turn] of turns.entries()) {
        const frames = turn.map((size, i) => `${at}.${i}`.padEnd(size));
        replay.keep(frames, frames.join("").length);
        kept.push(...frames);
        same();
        const count = Math.min(kept.length, releases[at] ?? 0);
        replay.release(count);
        kept.splice(0, count);
        same();
      }
    }),
  );
});

/** What a test of an outbox does next. */
type Step = readonly ["push" | "call", number] | readonly ["take" | "acknowledge" | "resume", number];

test("gives each frame once, and replays exactly what the peer has not got", () => {
  const step: fc.Arbitrary<Step> = fc.tuple(
    fc.constantFrom("push", "push", "call", "take", "acknowledge", "resume"),
    fc.nat(60),
  );
  const starts = fc.constantFrom(0, MODULO - 5);
  fc.assert(
    fc.property(starts, fc.boolean(), fc.array(step, { maxLength: 80 }), (start, heard, steps) => {
      const outbox = new ServerOutbox({ replayFrames: 6, replayLimit: 120, sendLimit: Infinity }, heard);
      outbox.unpark({ sent: start, total: 2 ** 31 + start, acknowledged: start, heard, kept: [], waiting: [] });
      const pushed: string[] = [];
      const given: Frame[] = [];
      let acknowledged = 0;
      let known = heard;
      for (const [what, n] of steps) {
        if (what === "push" || what === "call") {
          const frame = `${what === "call" ? "?" : "A"}${pushed.length}.`.padEnd(n);
          pushed.push(frame);
          if (what === "call") outbox.pushCall(frame);
          else outbox.offer(frame, true);
        } else if (what === "take") given.push(...outbox.take());
        else if (what === "acknowledge") {
          acknowledged += n % (given.length - acknowledged + 1);
          outbox.acknowledge((start + acknowledged) % MODULO);
          known = true;
        } else {
          const got = Math.max(0, acknowledged - 2) + (n % (given.length - Math.max(0, acknowledged - 2) + 1));
          const from = outbox.offered((start + got) % MODULO);
          if (from === undefined) expect(known && heard).toBe(false);
          else {
            const count = given.length - ((start + given.length - from + MODULO) % MODULO);
            expect(count).toBe(Math.max(got, acknowledged));
            outbox.replay(from);
            const again = outbox.take();
            expect(again.slice(0, given.length - count)).toEqual(given.slice(count));
            given.push(...again.slice(given.length - count));
            acknowledged = count;
          }
        }
        expect(outbox.sent).toBe((start + given.length) % MODULO);
        expect(given).toEqual(pushed.slice(0, given.length));
        expect(outbox.size).toBe(pushed.slice(given.length).reduce((sum, { length }) => sum + length, 0));
        const kept = outbox.park().kept;
        expect(kept.length).toBeLessThanOrEqual(6);
        if (kept.length > 1) expect(kept.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(120);
      }
    }),
    { numRuns: 500 },
  );
});

test("another server goes on where one left off", () => {
  const create = (sendLimit: number): ServerOutbox => {
    const outbox = new ServerOutbox({ replayFrames: 3, replayLimit: 100, sendLimit }, true);
    outbox.keeps = true;
    return outbox;
  };
  const one = create(50);
  const binary = Uint8Array.of(0x41, 1);
  one.offer(binary, true);
  one.pushCall("?@@a");
  for (const frame of ["Ac", "Ad"]) one.offer(frame, true);
  one.take();
  one.acknowledge(1);
  one.pushCall("?@Ab");
  const parked = one.park();
  expect(parked).toEqual({
    sent: 3,
    total: 3,
    acknowledged: 1,
    heard: true,
    kept: ["?@@a", "Ac"],
    waiting: ["Ad", "?@Ab"],
  });
  one.clear();
  const other = create(1);
  other.unpark(parked);
  expect(other.park()).toEqual(parked);
  expect([other.size, other.sent, other.keeps]).toEqual([6, 3, true]);
  expect([0, 1, 3, 4].map((count) => other.offered(count))).toEqual([1, 1, 3, undefined]);
  other.replay(2);
  expect(other.take()).toEqual(["Ac", "Ad", "?@Ab"]);
  // Nothing waits that is no call, so there is room for more.
  expect(other.offer("Ax", true)).toBe(true);
});
