import { besideOn, formatMedian, formatRatio, type Measures } from "./compare.ts";
import { label } from "./labels.ts";
import type { System } from "./system.ts";

/** The columns and rows of a table of calls. */
export interface CallsTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/**
 * Rates, and what they cost, beside those of an echo that writes once a turn, and of Socket.IO.
 *
 * @param systems the rows
 * @param measured their samples: `rate`, `cpu` and `own`, each followed by the name
 * @param name which of the samples
 */
export function toCallsTable(
  systems: readonly System[],
  measured: ReadonlyMap<System, Measures>,
  name: string | number,
): CallsTable {
  const of = (what: string, system: System): readonly number[] | undefined => measured.get(system)![`${what} ${name}`];
  return {
    columns: [
      "system",
      "calls a second",
      "CPU a call, µs",
      "the generator's, µs",
      "beside `ws echo, corked`",
      "beside Socket.IO's ack",
    ],
    rows: systems.map((system) => [
      label(system),
      ...["rate", "cpu", "own"].map((what) => formatMedian(of(what, system))),
      ...["ws echo, corked", "Socket.IO ack"].map((other) =>
        formatRatio(of("rate", system), of("rate", besideOn(systems, other, system))),
      ),
    ]),
  };
}
