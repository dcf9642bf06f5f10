import fc from "fast-check";
import { expect, test } from "vitest";
import { Holders } from "../../src/session/holders.ts";

test("holders are as a set has them", () => {
  const all = [{ n: 0 }, { n: 1 }, { n: 2 }];
  const step = fc.record({ adds: fc.boolean(), who: fc.constantFrom(...all) });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const [holders, model] = [new Holders<{ n: number }>(), new Set<{ n: number }>()];
      for (const { adds, who } of steps) {
        if (adds) holders.add(who);
        else holders.delete(who);
        if (adds) model.add(who);
        else model.delete(who);
        expect([...holders].toSorted((a, b) => a.n - b.n)).toEqual([...model].toSorted((a, b) => a.n - b.n));
        expect(holders.size).toBe(model.size);
      }
    }),
  );
});

test("who leaves while all are told is no trouble", () => {
  const [holders, told] = [new Holders<object>(), [] as object[]];
  const all = [{}, {}, {}];
  for (const one of all) holders.add(one);
  for (const one of holders) {
    told.push(one);
    holders.delete(one);
  }
  expect(told).toEqual(all);
  expect(holders.size).toBe(0);
});
