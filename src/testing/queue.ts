/** First in, first out, with no shifting of what is left at each step. */
export class Queue<Value> {
  #values: Value[] = [];
  #start = 0;

  /** How many wait. */
  get length(): number {
    return this.#values.length - this.#start;
  }

  /** The first, left where it is. */
  get first(): Value | undefined {
    return this.#values[this.#start];
  }

  push(value: Value): void {
    this.#values.push(value);
  }

  /** Takes the first out; there MUST be one. */
  shift(): Value {
    const value = this.#values[this.#start++]!;
    if (this.#start === this.#values.length) this.clear();
    else if (this.#start >= 1_024 && this.#start * 2 >= this.#values.length) {
      this.#values = this.#values.slice(this.#start);
      this.#start = 0;
    }
    return value;
  }

  /** Takes all out. */
  clear(): void {
    if (this.#values.length > 0) this.#values = [];
    this.#start = 0;
  }
}
