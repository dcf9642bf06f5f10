import { TokenBucket } from "./token-bucket.ts";

/** How many buckets are looked at for each new one: more than one, so that full ones are found faster than they come. */
const LOOKS = 2;
/** The part of the buckets that has to go first where there are too many. */
const FULLEST = 1 / 8;
/** Into how many parts they are sorted to find these. */
const PARTS = 256;

/**
 * Buckets by key, in bounded memory. One that is full again says nothing: with each new key some are looked at, in turn,
 * and the full ones dropped, so that there are about twice as many as matter. Where there are too many, the fullest go,
 * so that a client is rid of its own empty bucket only by emptying most of the others, too.
 */
export class BucketStore {
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #most: number;
  #turn: MapIterator<[string, TokenBucket]> = this.#buckets.entries();
  /** Those that are full by then are among the fullest; found anew each time that all have had their turn. */
  #edge: number | undefined;

  /** @param most how many buckets there may be */
  constructor(most: number) {
    this.#most = most;
  }

  /** How many buckets are kept. */
  get size(): number {
    return this.#buckets.size;
  }

  /**
   * The bucket of a key; a new one is full.
   *
   * @param key whose
   * @param now the time in ms
   * @returns the bucket, kept as long as it is not full
   */
  get(key: string, now: number): TokenBucket {
    return this.#buckets.get(key) ?? this.#add(key, now);
  }

  #add(key: string, now: number): TokenBucket {
    for (let looks = LOOKS; looks > 0; looks--) this.#look(now);
    while (this.#buckets.size >= this.#most) this.#look(Math.max(now, (this.#edge ??= this.#findEdge(now))));
    const bucket = new TokenBucket();
    this.#buckets.set(key, bucket);
    return bucket;
  }

  /** Looks at the next one in turn, and drops it if it is full by then. */
  #look(then: number): void {
    const { value } = this.#turn.next();
    if (value === undefined) {
      this.#turn = this.#buckets.entries();
      this.#edge = undefined;
    } else if (value[1].full <= then) this.#buckets.delete(value[0]);
  }

  /** At least the least there is, so that each turn of all drops one. */
  #findEdge(now: number): number {
    let [first, last] = [Infinity, now];
    for (const { full } of this.#buckets.values()) {
      first = Math.min(first, Math.max(now, full));
      last = Math.max(last, full);
    }
    // Where all are alike, any may go.
    if (first === last) return last;
    const part = (last - first) / PARTS;
    const counts = new Uint32Array(PARTS);
    for (const { full } of this.#buckets.values())
      counts[Math.min(PARTS - 1, Math.floor((Math.max(now, full) - first) / part))]!++;
    let [parts, found] = [0, 0];
    while (found < this.#buckets.size * FULLEST) found += counts[parts++]!;
    return first + parts * part;
  }
}
