import { readFileSync, writeFileSync } from "node:fs";
import { readKept } from "../harness/section.ts";
import { writeChart } from "./chart.ts";
import { writeResults } from "./results.ts";

/**
 * What follows from the kept sections: the page, and the chart for light and dark pages.
 *
 * @param folder where `results/` is, with a slash at its end
 * @returns the files' texts by their names in that folder
 */
export function writePages(folder: string): Map<string, string> {
  const kept = readKept(`${folder}results/`);
  return new Map([
    ["RESULTS.md", writeResults(kept)],
    ["chart-light.svg", writeChart(kept, "light")],
    ["chart-dark.svg", writeChart(kept, "dark")],
  ]);
}

/** Writes them there. */
export function savePages(folder: string): void {
  for (const [name, text] of writePages(folder)) writeFileSync(folder + name, text);
}

/** The names of those that are not what they should be. */
export function findStale(folder: string): string[] {
  const stale = [...writePages(folder)].filter(([name, text]) => {
    try {
      return readFileSync(folder + name, "utf8") !== text;
    } catch {
      return true;
    }
  });
  return stale.map(([name]) => name);
}
