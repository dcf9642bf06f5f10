/**
 * The port through which a server that goes away leaves a connection to another one: it parks what there is to know of it,
 * as a text, and whichever server the client comes back to takes that up.
 *
 * Keys are Prism's own, at most 200 of `A-Z`, `a-z`, `0-9` and `_-:.`. Texts are JSON of up to several MiB, in any Unicode
 * but lone surrogates, which `JSON.stringify` escapes.
 *
 * An implementation MUST
 * - give a text to one `take` alone: of any number that ask at once, on whatever servers, one gets it;
 * - give a text as it was parked, and what was parked last;
 * - forget a text when its time is over, whether anybody asks for it or not;
 * - reject where it fails: `undefined` says that there is nothing.
 *
 * It MUST NOT
 * - give a text after its time, or after another was parked in its place;
 * - let the keys of others, such as those of sessions, meet with its own.
 *
 * It may take as long as it likes: whoever calls it bounds the time. Where a call failed, or nobody waited for it, its
 * outcome is not known: a `park` may have taken place, or take place later, even after what it parked was taken; a `take`
 * may have removed the text, which nobody gets then. Who must not meet an old text uses a new key for each parking.
 */
export interface Handover {
  /**
   * Keeps a text under a key, in place of what was there.
   *
   * @param key the key
   * @param text the text
   * @param ttl for how many ms at most, more than 0; fractions are rounded up
   */
  park(key: string, text: string, ttl: number): Promise<void>;
  /**
   * Takes what is kept under a key: removes it and gives it, in one step.
   *
   * @param key the key
   * @returns the text, or `undefined` where there is nothing, or nothing any more
   */
  take(key: string): Promise<string | undefined>;
}
