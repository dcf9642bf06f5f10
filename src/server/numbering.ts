import { createHeader, headerText, writeFrame, type Frame } from "../wire/frames.ts";
import { MAX_DIGITS } from "../wire/limits.ts";
import { readNumber, writeNumber } from "../wire/numbers.ts";

/** A service, as a table tells of it: its number, its kind, and what its client half needs. */
export type TableEntry = readonly [number: number, kind: string, init?: unknown];

/** Services by name, as a welcome told of them. */
export type Table = Readonly<Record<string, TableEntry>>;

/**
 * The numbers of a connection whose welcome another release has written: those that its client knows, for those that the
 * services have here. A name that is gone, or stands for another kind of service, has none.
 */
export class Numbering {
  /** What the client's table says, for whoever hands the connection on. */
  readonly table: Table;
  readonly #inbound = new Map<number, number>();
  readonly #outbound = new Map<number, TableEntry>();

  /**
   * @param theirs the table that the client knows
   * @param ours the table of this app
   */
  constructor(theirs: Table, ours: Table) {
    this.table = theirs;
    const own = new Map(Object.entries(ours));
    for (const [name, entry] of Object.entries(theirs)) {
      const [number, kind] = own.get(name) ?? [];
      if (number === undefined || kind !== entry[1]) continue;
      this.#inbound.set(entry[0], number);
      this.#outbound.set(number, entry);
    }
  }

  /** The number here of a service that the client names; -1 where there is none. */
  inbound(number: number): number {
    return this.#inbound.get(number) ?? -1;
  }

  /** The number by which the client knows a service of ours; `undefined` where it does not. */
  outbound(number: number): number | undefined {
    return this.#outbound.get(number)?.[0];
  }

  /** What the client was given as a service's `init`. */
  initOf(number: number): unknown {
    return this.#outbound.get(number)?.[2];
  }

  /** A message as the client understands it; `undefined` where it does not know the service. */
  message(frame: Frame): Frame | undefined {
    const cursor = createHeader();
    const text = typeof frame === "string";
    cursor.text = text ? frame : headerText(frame, 0, MAX_DIGITS);
    const number = this.outbound(readNumber(cursor));
    if (number === undefined) return undefined;
    return writeFrame(writeNumber(number), text ? frame.slice(cursor.at) : frame.subarray(cursor.at));
  }
}
