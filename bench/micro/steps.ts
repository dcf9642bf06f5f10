/*
 * What single steps cost, in time and in bytes on the heap: `npm run bench:micro`, `-- wire sessions` for some groups. Run by
 * bench/micro.ts.
 */
import process from "node:process";
import { bench, group, run } from "mitata";
import { countBytes } from "./allocation.ts";
import { dispatch } from "./dispatch.ts";
import { middleware } from "./middleware.ts";
import { outbox } from "./outbox.ts";
import { sessions } from "./sessions.ts";
import type { Step } from "./step.ts";
import { validation } from "./validation.ts";
import { wire } from "./wire.ts";

const groups = { wire, outbox, dispatch, middleware, validation, sessions };

const args = process.argv.slice(2);
const bytesOnly = args.includes("--bytes");
const wanted = args.filter((word) => word !== "--bytes");
const unknown = wanted.filter((name) => !(name in groups));
if (unknown.length > 0)
  throw new Error(`No group is called ${unknown.join(", ")}; there are ${Object.keys(groups).join(", ")}`);
const chosen = Object.entries(groups).filter(([name]) => wanted.length === 0 || wanted.includes(name));

const prepared: (readonly [name: string, steps: readonly Step[]])[] = [];
for (const [, { name, prepare }] of chosen) prepared.push([name, await prepare()]);

const label = ({ name, operations }: Step): string => (operations === 1 ? name : `${name}, ${operations} of them`);
if (!bytesOnly) {
  for (const [name, steps] of prepared) {
    group(name, () => {
      for (const step of steps) bench(label(step), () => step.run());
    });
  }
  await run();
}

for (const [name, steps] of prepared) {
  console.log(`\n${name}: bytes on the heap for each`);
  for (const step of steps) console.log(`${step.name.padEnd(46)} ${(await countBytes(step)).toFixed(1).padStart(10)}`);
}
