import { expect, test } from "vitest";
import { Backlog } from "../../src/broker/nats-backlog.ts";

const MIB = 1_048_576;

/** A server that reads when it is told to. */
function createBacklog(most: number) {
  const flushes: { resolve(): void; reject(error: Error): void }[] = [];
  const flush = (): Promise<void> => new Promise((resolve, reject) => flushes.push({ resolve, reject }));
  return { backlog: new Backlog(most, flush), flushes };
}

test("what the server does not read is bounded, and it is asked no more often than it answers", async () => {
  const { backlog, flushes } = createBacklog(4 * MIB);
  expect(backlog.fits(9 * MIB)).toBe(true);
  backlog.add(MIB);
  // So little is not asked about.
  expect(flushes).toHaveLength(0);
  backlog.add(MIB);
  backlog.add(MIB);
  expect(flushes).toHaveLength(1);
  expect([backlog.fits(MIB), backlog.fits(MIB + 1)]).toEqual([true, false]);
  const read = backlog.read();
  expect(backlog.read()).toBe(read);
  flushes[0]!.resolve();
  await read;
  // What was given after it had been asked is not known to be read.
  expect([backlog.fits(3 * MIB), backlog.fits(3 * MIB + 1)]).toEqual([true, false]);
  void backlog.read();
  flushes[1]!.reject(new Error("The connection is closed"));
  await new Promise((resolve) => setTimeout(resolve));
  expect(backlog.fits(9 * MIB)).toBe(true);
});

test("a connection that is lost holds nothing, and what it answers late counts for no other", async () => {
  const { backlog, flushes } = createBacklog(4 * MIB);
  backlog.add(3 * MIB);
  backlog.clear();
  expect(backlog.fits(9 * MIB)).toBe(true);
  backlog.add(2 * MIB);
  expect(flushes).toHaveLength(2);
  flushes[0]!.resolve();
  await new Promise((resolve) => setTimeout(resolve));
  expect([backlog.fits(2 * MIB), backlog.fits(2 * MIB + 1)]).toEqual([true, false]);
});
