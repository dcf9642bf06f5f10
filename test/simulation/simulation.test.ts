import { beforeAll, describe, expect, test } from "vitest";
import { bundle, mutate } from "./bundle.ts";
import type { explain } from "./campaign.ts";
import { huntAll, playMany, type Catch } from "./crew.ts";
import { mutants } from "./mutants.ts";
import { play } from "./play.ts";
import { drawSchedule } from "./schedule.ts";

/** How long the simulation takes, in ms, and how many schedules that must at least be. */
const WITHIN = 45_000;
const LEAST = 2_000;
/** How many seeds, and ms, a mutant may take. */
const SEEDS = 500;
const HUNT = 20_000;
/** Everybody has two cores. */
const WORKERS = 2;

test("thousands of schedules of cuts, stalls, resumes, resets and drains lose nothing, and nothing comes twice", async () => {
  const file = await bundle();
  const order = { seed: 1, step: 1, count: Infinity, within: WITHIN, least: LEAST, first: false };
  const { played, known, failures } = await playMany(file, order, WORKERS);
  console.log(`${played} schedules, seeds 1 to ${played} or so: ${failures.length} failures, ${known} known ones`);
  const { explain: tell } = (await import(/* @vite-ignore */ file)) as { explain: typeof explain };
  for (const { seed } of failures.slice(0, 2))
    console.log(`${await tell(seed)}\nagain: npm run simulate -- --seed ${seed}`);
  expect(failures).toEqual([]);
  expect(played).toBeGreaterThanOrEqual(LEAST);
}, 240_000);

test("a seed gives the same schedule each time, and that the same course", async () => {
  const courses: string[][] = [[], []];
  for (const course of courses) {
    for (const seed of [2, 3, 5, 8, 13]) {
      const ids = new Map<string, string>();
      const name = (id: string): string => ids.get(id) ?? (ids.set(id, `#${ids.size}`), ids.get(id)!);
      await play(drawSchedule(seed), (line) => course.push(line.replaceAll(/[\w-]{22}/g, name)));
    }
  }
  expect(courses[0]!.length).toBeGreaterThan(100);
  expect(courses[0]).toEqual(courses[1]);
});

describe("a defect in the shipped code", () => {
  let caught = new Map<string, Catch>();
  beforeAll(async () => {
    caught = await huntAll(mutants, SEEDS, HUNT);
  }, 240_000);

  test.each(mutants.map(({ name }) => name))("is found: %s", (name) => {
    const { failure, seeds, seconds, problem } = caught.get(name)!;
    expect(failure?.what, problem ?? `${seeds} seeds in ${seconds} s`).toBeTypeOf("string");
  });

  test("is told with no more happening than it takes", async () => {
    const file = await bundle(mutants.find(({ name }) => name === "a token is not spent"));
    const { explain: tell } = (await import(/* @vite-ignore */ file)) as { explain: typeof explain };
    const told = await tell(caught.get("a token is not spent")!.failure!.seed);
    expect(told).toMatch(/^seed \d+, \d of \d\d actions\n/);
    expect(told).toMatch(/ {2}thief\n[^]*FAILED .* is resumed with a token that is spent/);
  });

  test("has its place, or says that it has none", () => {
    const mutant = { name: "m", file: "f", from: "a", to: "b" };
    expect(mutate("cat", mutant)).toBe("cbt");
    for (const text of ["dog", "catamaran"]) expect(() => mutate(text, mutant)).toThrow(/^Mutant "m": f has its text/);
  });
});
