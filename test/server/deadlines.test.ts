import fc from "fast-check";
import { expect, test } from "vitest";
import { Deadlines } from "../../src/server/deadlines.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";

test("each passes in its time, unless it is called off, and no timer is left", () => {
  const step = fc.record({
    after: fc.integer({ min: 0, max: 40 }),
    cancelledAfter: fc.option(fc.integer({ min: 0, max: 150 })),
  });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const clock = new FakeClock();
      const deadlines = new Deadlines(clock, 100);
      const passed: [number, number][] = [];
      const due: [number, number][] = [];
      steps.forEach(({ after, cancelledAfter }, place) => {
        clock.advanceSync(after);
        const at = clock.now() + 100;
        const deadline = deadlines.set(() => passed.push([place, clock.now()]));
        if (cancelledAfter === null || cancelledAfter > 100) due.push([place, at]);
        if (cancelledAfter !== null) clock.setTimer(() => deadline.cancel(), cancelledAfter);
      });
      clock.advanceSync(1_000);
      const late = steps.map(({ cancelledAfter }, place) => [place, cancelledAfter] as const);
      // One that is called off as it passes may be either.
      const either = new Set(late.filter(([, after]) => after === 100).map(([place]) => place));
      const sure = ([place]: readonly [number, number]): boolean => !either.has(place);
      expect(passed.filter(sure)).toEqual(due.filter(sure));
      expect(clock.timers).toBe(0);
    }),
  );
});

test("one that is set while another passes has its whole time", () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock, 100);
  const passed: number[] = [];
  deadlines.set(() => deadlines.set(() => passed.push(clock.now())));
  const begun = clock.now();
  clock.advanceSync(1_000);
  expect(passed).toEqual([begun + 200]);
});
