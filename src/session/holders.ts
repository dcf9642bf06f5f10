/** A set that is most often of one, and then needs no table: there is one for each session that somebody has. */
export class Holders<Holder extends object> implements Iterable<Holder> {
  #only: Holder | undefined;
  #all: Set<Holder> | undefined;

  /** How many they are. */
  get size(): number {
    return this.#all?.size ?? (this.#only === undefined ? 0 : 1);
  }

  /** Adds one, if it is not there already. */
  add(holder: Holder): void {
    if (this.#all !== undefined) this.#all.add(holder);
    else if (this.#only === undefined || this.#only === holder) this.#only = holder;
    else {
      this.#all = new Set([this.#only, holder]);
      this.#only = undefined;
    }
  }

  /** Takes one out, if it is there. */
  delete(holder: Holder): void {
    if (this.#only === holder) this.#only = undefined;
    else this.#all?.delete(holder);
  }

  /** Each of them, those included that come meanwhile. */
  *[Symbol.iterator](): Generator<Holder, void, undefined> {
    if (this.#only !== undefined) yield this.#only;
    if (this.#all !== undefined) yield* this.#all;
  }
}
