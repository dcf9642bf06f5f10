// The rows of the fault ledger that want real processes and real sockets, at a length that suits a test run;
// `npm run faults` has them at full length.
import { describe, expect, test } from "vitest";
import { play, rows } from "./rows.ts";
import type { Lineup, Row } from "./verdict.ts";

async function expectAsExpected(row: Row, lineup: Lineup): Promise<void> {
  const { problems, notes } = await play(row, lineup, "short");
  if (notes.length > 0) console.log(`row ${row.number}, ${lineup}: ${notes.join("; ")}`);
  expect(problems).toEqual([]);
}

for (const row of rows) {
  const how = row.waits ? describe.concurrent : describe;
  how(`row ${row.number}: ${row.title}`, () => {
    for (const lineup of row.tested ?? row.lineups)
      test(lineup, { timeout: 120_000 }, () => expectAsExpected(row, lineup));
  });
}
