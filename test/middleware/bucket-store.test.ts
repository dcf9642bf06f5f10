import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BucketStore } from "../../src/middleware/bucket-store.ts";

const SIZE = 1000;

describe("BucketStore", () => {
  test("keeps what was taken", () => {
    const store = new BucketStore(10);
    store.get("a", 0).take(600, 0, SIZE);
    expect(store.get("a", 100).missing(100)).toBe(500);
    expect(store.get("b", 100).missing(100)).toBe(0);
    expect(store.size).toBe(2);
  });

  test("drops those that are full again, long before there are too many", () => {
    const store = new BucketStore(1_000_000);
    let most = 0;
    // A new client each ms, whose bucket is full again after 100.
    for (let now = 0; now < 100_000; now++) {
      store.get(`k${now}`, now).take(100, now, SIZE);
      most = Math.max(most, store.size);
    }
    expect(most).toBeLessThanOrEqual(2 * 100 + 2);
  });

  test("keeps those that matter, however many others come and go", () => {
    const store = new BucketStore(1_000_000);
    for (let i = 0; i < 5000; i++) store.get(`busy${i}`, 0).take(1000, 0, SIZE);
    for (let i = 0; i < 50_000; i++) store.get(`k${i}`, 900);
    for (let i = 0; i < 5000; i++) expect(store.get(`busy${i}`, 900).missing(900)).toBe(100);
    expect(store.size).toBeLessThanOrEqual(2 * 5000 + 2);
  });

  test("is never larger than it may be", () => {
    for (const most of [1, 2, 7, 8, 9, 100, 5000]) {
      const store = new BucketStore(most);
      for (let i = 0; i < 20_000; i++) {
        store.get(`k${i}`, i / 1000).take(1 + (i % 1000), i / 1000, SIZE);
        if (store.size > most) expect(store.size).toBe(most);
      }
      expect(store.size).toBe(most);
    }
  });

  test("has room also where nothing was taken from any, or the same from all", () => {
    const store = new BucketStore(100);
    for (let i = 0; i < 1000; i++) store.get(`a${i}`, 0);
    for (let i = 0; i < 1000; i++) store.get(`b${i}`, 0).take(1, 0, SIZE);
    for (let i = 0; i < 1000; i++) store.get(`c${i}`, 0.1).take(i % 3 ? 1 : 0.3, 0.1, SIZE);
    for (let i = 0; i < 1000; i++) store.get(`d${i}`, 1e9).take(1, 1e9, SIZE);
    expect(store.size).toBeLessThanOrEqual(100);
  });

  test("is never larger than it may be, whatever the times", () => {
    const steps = fc.array(
      fc.record({
        key: fc.nat(30),
        wait: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 2000, noNaN: true })),
        cost: fc.oneof(fc.constant(0), fc.double({ min: 0, max: SIZE, noNaN: true })),
      }),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.constantFrom(0, 0.1, 1e9, 1e13), steps, (most, start, all) => {
        const store = new BucketStore(most);
        let now = start;
        for (const { key, wait, cost } of all) {
          store.get(`k${key}`, (now += wait)).take(cost, now, SIZE);
          expect(store.size).toBeLessThanOrEqual(most);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("forgets the fullest first: an empty bucket is not lost by touching many others", () => {
    const store = new BucketStore(2000);
    const empty = (key: string): void => void store.get(key, 0).take(SIZE, 0, SIZE);
    for (let i = 0; i < 100; i++) {
      empty(`empty${i}`);
      for (let k = 0; k < 15; k++) store.get(`k${i}/${k}`, 0).take(500, 0, SIZE);
    }
    for (let i = 0; i < 100_000; i++) {
      store.get(`k${i}`, 0).take(1 + (i % 900), 0, SIZE);
      if (i % 1000 === 0) empty(`late${i}`);
    }
    for (let i = 0; i < 100; i++) expect(store.get(`empty${i}`, 0).missing(0)).toBe(SIZE);
    for (let i = 0; i < 100_000; i += 1000) expect(store.get(`late${i}`, 0).missing(0)).toBe(SIZE);
  });

  test("costs a new key little, when all that are there matter", () => {
    const store = new BucketStore(16_384);
    const start = performance.now();
    for (let i = 0; i < 200_000; i++) store.get(`k${i}`, 0).take(500 + (i % 500), 0, SIZE);
    // Looking through all for each would take minutes.
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
