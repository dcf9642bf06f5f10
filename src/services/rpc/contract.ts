import { createHeader, headerText, writeFrame, type Body } from "../../wire/frames.ts";
import { MAX_DIGITS } from "../../wire/limits.ts";
import { readNumber, writeNumber } from "../../wire/numbers.ts";
import { isWireError } from "../../wire/errors.ts";

/**
 * The body of a call.
 *
 * @param place the place of the procedure in the table
 * @param value the input, as `values` writes it
 * @returns the body
 */
export function writeCall(place: number, value: Body): Body {
  return writeFrame(writeNumber(place), value);
}

/** Behind a name in the table: calls of it may be made again (PROTOCOL.md, "Calls"). */
const AGAIN = "*";

/** A table, read: where each name stands, and which may be called again. */
export interface Names {
  /** The place of each name. */
  readonly places: ReadonlyMap<string, number>;
  /** The names by their places. */
  readonly list: readonly string[];
  /** The names whose calls may be made again. */
  readonly idempotent: ReadonlySet<string>;
}

/**
 * Writes an entry of the table, for `init`.
 *
 * @param name the procedure's name
 * @param idempotent whether calls of it may be made again
 * @returns the entry
 */
export function writeName(name: string, idempotent: boolean): string {
  return idempotent ? name + AGAIN : name;
}

/**
 * Reads a table.
 *
 * @param init what the welcome gave
 * @returns the names
 */
export function readNames(init: unknown): Names {
  const places = new Map<string, number>();
  const idempotent = new Set<string>();
  const list = (init as readonly string[]).map((entry, place) => {
    const name = entry.endsWith(AGAIN) ? entry.slice(0, -1) : entry;
    if (name !== entry) idempotent.add(name);
    places.set(name, place);
    return name;
  });
  return { places, list, idempotent };
}

/** A call's body, read. */
export interface CallBody {
  /** The place of the procedure in the table; -1 where there is no number. */
  readonly place: number;
  /** The input, for `values` to read. */
  readonly value: Body;
}

/**
 * Reads the body of a call.
 *
 * @param body the body
 * @returns its parts
 */
export function readCall(body: Body): CallBody {
  const cursor = createHeader();
  cursor.text = typeof body === "string" ? body : headerText(body, 0, MAX_DIGITS);
  try {
    const place = readNumber(cursor);
    return { place, value: typeof body === "string" ? body.slice(cursor.at) : body.subarray(cursor.at) };
  } catch (error) {
    if (isWireError(error)) return { place: -1, value: "" };
    throw error;
  }
}

/** Anything with names, nested. */
export interface Tree<Leaf> {
  readonly [name: string]: Leaf | Tree<Leaf>;
}

/**
 * Lists the leaves of a tree by their names, dotted where nested.
 *
 * @param tree the tree
 * @param isLeaf tells a leaf from a branch
 * @param check called with each name; may throw
 * @returns names and leaves, in the order of the tree
 */
export function flatten<Leaf>(
  tree: Tree<Leaf>,
  isLeaf: (node: Leaf | Tree<Leaf>) => node is Leaf,
  check?: (name: string) => void,
): Map<string, Leaf> {
  const leaves = new Map<string, Leaf>();
  const walk = (branch: Tree<Leaf>, prefix: string): void => {
    for (const [name, node] of Object.entries(branch)) {
      check?.(name);
      if (isLeaf(node)) leaves.set(prefix + name, node);
      else walk(node, `${prefix}${name}.`);
    }
  };
  walk(tree, "");
  return leaves;
}
