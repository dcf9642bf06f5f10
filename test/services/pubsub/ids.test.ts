import fc from "fast-check";
import { expect, test } from "vitest";
import { Ids } from "../../../src/services/pubsub/ids.ts";

/** The smallest free number, found in the plainest way. */
class PlainIds {
  readonly taken = new Set<number>();
  take(): number {
    let id = 0;
    while (this.taken.has(id)) id++;
    this.taken.add(id);
    return id;
  }
}

test("the smallest free number is handed out, whatever was taken and freed before", () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.constant(-1) },
    { weight: 2, arbitrary: fc.nat() },
    { weight: 1, arbitrary: fc.constantFrom(-2, -40, -100) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const ids = new Ids();
      const plain = new PlainIds();
      for (const next of steps) {
        if (next < 0) {
          for (let i = next; i < 0; i++) expect(ids.take()).toBe(plain.take());
        } else if (plain.taken.size > 0) {
          const id = [...plain.taken][next % plain.taken.size]!;
          plain.taken.delete(id);
          ids.free(id);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test("thousands are handed out in order, and again once they are free", () => {
  const ids = new Ids();
  const all = Array.from({ length: 5000 }, (_, i) => i);
  expect(all.map(() => ids.take())).toEqual(all);
  for (const id of all.toReversed()) if (id % 3 === 0) ids.free(id);
  const freed = all.filter((id) => id % 3 === 0);
  expect(freed.map(() => ids.take())).toEqual(freed);
  expect(ids.take()).toBe(5000);
});

test("that are taken already are passed over, in any word, and may be freed", () => {
  const ids = new Ids();
  for (const id of [0, 2, 31, 32, 100]) ids.reserve(id);
  expect([ids.take(), ids.take()]).toEqual([1, 3]);
  for (let id = 4; id < 31; id++) expect(ids.take()).toBe(id);
  expect(ids.take()).toBe(33);
  ids.free(31);
  expect([ids.take(), ids.take()]).toEqual([31, 34]);
  for (let id = 35; id < 100; id++) expect(ids.take()).toBe(id);
  expect(ids.take()).toBe(101);
});
