import type { NatsLink } from "./nats-link.ts";
import type { NatsRolls } from "./nats-rolls.ts";

/** For how long a roll with nobody in it is remembered, in ms: so long its versions go on. */
const REMEMBERED = 60_000;

/** A message that somebody has left, which is to be removed in time. */
interface Tomb {
  readonly seq: number;
  readonly at: number;
}

/** The messages that somebody has left, of which nobody needs to know before long. */
export class NatsTombs {
  readonly #link: NatsLink;
  readonly #rolls: NatsRolls;
  readonly #all = new Map<string, readonly Tomb[]>();

  constructor(link: NatsLink, rolls: NatsRolls) {
    this.#link = link;
    this.#rolls = rolls;
  }

  /** Whether there are any in a channel. */
  has(token: string): boolean {
    return this.#all.has(token);
  }

  /** Nothing older of those who have left is there any more. */
  add(token: string, seqs: readonly number[]): void {
    const at = this.#link.clock.now();
    const tombs = this.#all.get(token) ?? [];
    const fresh = seqs.filter((seq) => !tombs.some((tomb) => tomb.seq === seq));
    if (fresh.length > 0) this.#all.set(token, [...tombs, ...fresh.map((seq) => ({ seq, at }))]);
  }

  /** Removes them, once no reader is left who has read what was before them. */
  async sweep(): Promise<void> {
    for (const token of this.#all.keys()) await this.#sweep(token);
  }

  async #sweep(token: string): Promise<void> {
    const { clock, patience } = this.#link;
    const due = this.#all.get(token)!.filter(({ at }) => clock.now() - at >= 2 * patience);
    if (due.length === 0) return;
    await this.#link.within(async (call) => {
      const { last, count } = await this.#rolls.extent(call, token);
      // The last message says how many there were.
      const gone = due.filter(({ seq, at }) => seq !== last || (count === 1 && clock.now() - at >= REMEMBERED));
      for (const { seq } of gone) await this.#rolls.remove(call, token, seq);
      const left = this.#all.get(token)!.filter((tomb) => !gone.includes(tomb));
      if (left.length > 0) this.#all.set(token, left);
      else this.#all.delete(token);
    }, true);
  }
}
