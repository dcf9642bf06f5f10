/** Runs the contract's scenarios against a server, on whatever runtime; one line of JSON for each. */
import process from "node:process";
import { scenarios } from "./scenarios/all.ts";
import { perform } from "./stage.ts";

/** What is said of a scenario. */
export interface Verdict {
  readonly name: string;
  readonly ok: boolean;
  readonly ms: number;
  readonly detail?: string;
}

/** What is said at the end. */
export interface Summary {
  readonly end: true;
  readonly unhandled: readonly string[];
}

export type Line = Verdict | Summary | { readonly restart: true };

const say = (line: Line): void => console.log(JSON.stringify(line));

const unhandled: string[] = [];
process.on("unhandledRejection", (error) => void unhandled.push(String(error)));
process.on("uncaughtException", (error) => void unhandled.push(String(error)));

const [url = "", exposedUrl = "", only = ""] = process.argv.slice(2);
for (const [name, scenario] of scenarios) {
  if (!name.includes(only)) continue;
  const started = performance.now();
  const ms = (): number => Math.round(performance.now() - started);
  try {
    await perform(scenario, { url, exposedUrl, restart: () => say({ restart: true }) });
    say({ name, ok: true, ms: ms() });
  } catch (error) {
    say({ name, ok: false, ms: ms(), detail: error instanceof Error ? (error.stack ?? String(error)) : String(error) });
  }
}
// A rejection that nobody handles is told of when its turn is over.
await new Promise((resolve) => {
  setImmediate(resolve);
});
say({ end: true, unhandled });
