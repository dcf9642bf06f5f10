import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { root } from "../support/runtimes.ts";
import { timingGlobals } from "./globals.ts";
import { sourceFiles } from "./imports.ts";

const frontDoors = ["src/client/clock.ts", "src/server/clock.ts"];
const neutral = (file: string): boolean =>
  file.startsWith("src/") && !file.startsWith("src/testing/") && !frontDoors.includes(file);

test("time, turns and randomness come from the clock", () => {
  const found = sourceFiles()
    .filter(neutral)
    .flatMap((file) => timingGlobals(file, readFileSync(root + file, "utf8")).map((name) => `${file}: ${name}`));
  expect(found).toEqual([]);
});

test.each([
  ["setTimeout(() => {}, 1)", "setTimeout"],
  ["globalThis.setTimeout(() => {}, 1)", "setTimeout"],
  ["declare function setImmediate(run: () => void): void;", "setImmediate"],
  ["const { performance } = globalThis;", "performance"],
  ["const t = Date.now();", "Date.now"],
  ["const t = new Date();", "new Date()"],
  ["const t = Math.random();", "Math.random"],
])("the check finds %s", (text, name) => {
  expect(timingGlobals("x.ts", text)).toEqual([name]);
});

test("the check passes what only looks alike", () => {
  expect(
    timingGlobals("x.ts", `clock.now(); clock.random(); const s = "setTimeout"; new Date(0); // performance`),
  ).toEqual([]);
});
