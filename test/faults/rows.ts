import { row01 } from "./rows/row-01.ts";
import { row02 } from "./rows/row-02.ts";
import { row03 } from "./rows/row-03.ts";
import { row04 } from "./rows/row-04.ts";
import { row06 } from "./rows/row-06.ts";
import { row07 } from "./rows/row-07.ts";
import { row08 } from "./rows/row-08.ts";
import { row08OfChannels } from "./rows/row-08-channels.ts";
import { row09 } from "./rows/row-09.ts";
import { row10 } from "./rows/row-10.ts";
import { row15 } from "./rows/row-15.ts";
import { row16 } from "./rows/row-16.ts";
import { row17 } from "./rows/row-17.ts";
import { row18 } from "./rows/row-18.ts";
import { row20 } from "./rows/row-20.ts";
import { row28 } from "./rows/row-28.ts";
import { Scene } from "./scene.ts";
import { type Lineup, type Row, type Size, Verdict } from "./verdict.ts";

/** The rows of FAULTS.md that are about real processes and sockets. */
export const rows: readonly Row[] = [
  row01,
  row02,
  row03,
  row04,
  row06,
  row07,
  row08,
  row08OfChannels,
  row09,
  row10,
  row15,
  row16,
  row17,
  row18,
  row20,
  row28,
];

/** Plays a row, and sees to it that nothing of it is left. */
export async function play(row: Row, lineup: Lineup, size: Size): Promise<Verdict> {
  const scene = new Scene();
  const verdict = new Verdict();
  try {
    await row.run({ scene, lineup, size, verdict });
  } catch (error) {
    verdict.problems.push(error instanceof Error ? (error.stack ?? String(error)) : String(error));
  } finally {
    await scene.stop();
  }
  return verdict;
}
