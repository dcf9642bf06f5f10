import type { Rpc } from "./dialect.ts";

interface Known {
  readonly bytes: Buffer;
  readonly binary: boolean;
  readonly ids: readonly number[];
}

/** How many different messages are remembered: a power of two. */
const PLACES = 1_024;
const SAMPLES = 8;

/**
 * Reads replies. A message that the dialect has read and found good need not be read again: when it comes once more, each
 * of its bytes is compared, which costs less than the server spends on writing it.
 */
export class Replies {
  readonly #rpc: Rpc;
  readonly #known: (Known | undefined)[] = Array.from({ length: PLACES }, () => undefined);

  constructor(rpc: Rpc) {
    this.#rpc = rpc;
  }

  /** @throws {Error} A reply is not what was asked for */
  read(buffered: Buffer, start: number, end: number, binary: boolean): readonly number[] {
    const place = toPlace(buffered, start, end);
    const known = this.#known[place];
    if (known !== undefined && known.binary === binary && isSame(known.bytes, buffered, start, end)) return known.ids;
    const bytes = Buffer.from(buffered.subarray(start, end));
    const ids = this.#rpc.replies(binary ? bytes : bytes.toString("utf8"));
    this.#known[place] = { bytes, binary, ids };
    return ids;
  }
}

/** A hash of the length, the first bytes, where ids stand, and some further ones. */
function toPlace(buffered: Buffer, start: number, end: number): number {
  let hash = end - start;
  const first = Math.min(end, start + SAMPLES);
  for (let at = start; at < first; at++) hash = (Math.imul(hash, 31) + buffered[at]!) | 0;
  const step = Math.max(1, (end - start) >> 3);
  for (let at = start + SAMPLES; at < end; at += step) hash = (Math.imul(hash, 31) + buffered[at]!) | 0;
  return (hash ^ (hash >>> 10)) & (PLACES - 1);
}

/** Below so many bytes a call into native code costs more than the loop. */
const SHORT = 64;

function isSame(bytes: Buffer, buffered: Buffer, start: number, end: number): boolean {
  const length = end - start;
  if (bytes.length !== length) return false;
  if (length > SHORT) return bytes.compare(buffered, start, end) === 0;
  for (let i = 0; i < length; i++) if (bytes[i] !== buffered[start + i]) return false;
  return true;
}
