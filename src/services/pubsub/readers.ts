/** How many pages of the past one connection may be sent at a time: those that nobody takes would fill the memory. */
const ABREAST = 4;

interface Line {
  busy: number;
  readonly waiting: (() => void)[];
}

/** Whose pages are read, and whose have to wait for that. */
export class Readers {
  readonly #lines = new WeakMap<object, Line>();

  /** Waits until somebody may have another page read; `leave` follows. */
  enter(who: object): Promise<void> | undefined {
    let line = this.#lines.get(who);
    if (line === undefined) this.#lines.set(who, (line = { busy: 0, waiting: [] }));
    const { waiting } = line;
    if (line.busy === ABREAST) return new Promise((resolve) => waiting.push(resolve));
    line.busy++;
    return undefined;
  }

  /** The page was sent, or nobody waits for it any more. */
  leave(who: object): void {
    const line = this.#lines.get(who)!;
    const next = line.waiting.shift();
    if (next === undefined) line.busy--;
    else next();
  }
}
