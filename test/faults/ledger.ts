/**
 * The ledger of a run. Every message carries who sent it, its channel (one direction of one life of a connection) and its
 * place in it, from 0. The sender notes how many it has sent, the receiver notes what comes; together they tell whether
 * each came exactly once and in order. Of a channel where all is well there is one counter, whatever came.
 */

/** A message's header. */
export interface Stamp {
  readonly sender: string;
  readonly channel: string;
  readonly sequence: number;
}

/** What became of messages. */
export interface Totals {
  readonly sent: number;
  /** Delivered exactly once. */
  readonly delivered: number;
  /** Sent and never delivered. */
  readonly lost: number;
  /** Deliveries of what had been delivered before. */
  readonly twice: number;
  /** Delivered after a later one. */
  readonly outOfOrder: number;
  /** Delivered though nobody has sent them. */
  readonly unsent: number;
}

/** What a receiver knows of a channel, as JSON: it can be handed to another process, which goes on with it. */
export interface Account {
  /** One more than the highest that came. */
  readonly next: number;
  /** Those below `next` that did not come. */
  readonly missing: readonly number[];
  /** Those that came more than once. */
  readonly repeated: readonly number[];
  readonly twice: number;
  readonly outOfOrder: number;
}

/** What an end knows, as JSON: how many it has sent on its channels, and what has come on the other's. */
export interface Page {
  readonly sent: Readonly<Record<string, number>>;
  readonly received: Readonly<Record<string, Account>>;
}

export const nothing: Totals = { sent: 0, delivered: 0, lost: 0, twice: 0, outOfOrder: 0, unsent: 0 };

/** No gap is longer: whoever jumps further has lost its mind, and the set of what is missing would be the next problem. */
const LONGEST_GAP = 1_000_000;

/** The receiving end of a channel. */
export class Receipts {
  #next = 0;
  #twice = 0;
  #outOfOrder = 0;
  readonly #missing = new Set<number>();
  readonly #repeated = new Set<number>();

  /** Goes on from what another has noted. */
  static from({ next, missing, repeated, twice, outOfOrder }: Account): Receipts {
    const receipts = new Receipts();
    receipts.#next = next;
    receipts.#twice = twice;
    receipts.#outOfOrder = outOfOrder;
    for (const one of missing) receipts.#missing.add(one);
    for (const one of repeated) receipts.#repeated.add(one);
    return receipts;
  }

  /** How many came, each counted once. */
  get count(): number {
    return this.#next - this.#missing.size;
  }

  take(sequence: number): void {
    if (sequence === this.#next) this.#next++;
    else this.#takeOther(sequence);
  }

  toAccount(): Account {
    return {
      next: this.#next,
      missing: [...this.#missing],
      repeated: [...this.#repeated],
      twice: this.#twice,
      outOfOrder: this.#outOfOrder,
    };
  }

  #takeOther(sequence: number): void {
    if (!Number.isSafeInteger(sequence) || sequence < 0) throw new RangeError(`No sequence number: ${sequence}`);
    if (sequence > this.#next) {
      if (sequence - this.#next > LONGEST_GAP) throw new RangeError(`${sequence} came where ${this.#next} was due`);
      for (let one = this.#next; one < sequence; one++) this.#missing.add(one);
      this.#next = sequence + 1;
    } else if (this.#missing.delete(sequence)) this.#outOfOrder++;
    else {
      this.#twice++;
      this.#repeated.add(sequence);
    }
  }
}

/** One end's ledger. */
export class Ledger {
  readonly #sent = new Map<string, number>();
  readonly #received = new Map<string, Receipts>();

  /** The next message of a channel, and takes note that it is sent. */
  stamp(sender: string, channel: string): string {
    const sequence = this.#sent.get(channel) ?? 0;
    this.#sent.set(channel, sequence + 1);
    return writeStamp({ sender, channel, sequence });
  }

  /** How many were sent on a channel. */
  sentOn(channel: string): number {
    return this.#sent.get(channel) ?? 0;
  }

  /** How many came on a channel, each counted once. */
  receivedOn(channel: string): number {
    return this.#received.get(channel)?.count ?? 0;
  }

  /** Takes note of a message that came. */
  take({ channel, sequence }: Stamp): void {
    let receipts = this.#received.get(channel);
    if (receipts === undefined) this.#received.set(channel, (receipts = new Receipts()));
    receipts.take(sequence);
  }

  /** Gives up what it knows of channels: somebody else goes on with it. */
  tear(channels: readonly string[]): Page {
    const page = this.page(channels);
    for (const channel of channels) {
      this.#sent.delete(channel);
      this.#received.delete(channel);
    }
    return page;
  }

  /** Goes on from what somebody else has given up. */
  paste({ sent, received }: Page): void {
    for (const [channel, count] of Object.entries(sent)) this.#sent.set(channel, count);
    for (const [channel, account] of Object.entries(received)) this.#received.set(channel, Receipts.from(account));
  }

  /** What it knows, of some channels or of all. */
  page(channels: readonly string[] = [...new Set([...this.#sent.keys(), ...this.#received.keys()])]): Page {
    const sent: Record<string, number> = {};
    const received: Record<string, Account> = {};
    for (const channel of channels) {
      const count = this.#sent.get(channel);
      if (count !== undefined) sent[channel] = count;
      const receipts = this.#received.get(channel);
      if (receipts !== undefined) received[channel] = receipts.toAccount();
    }
    return { sent, received };
  }
}

/** A message's text. */
export function writeStamp({ sender, channel, sequence }: Stamp): string {
  return `${sender} ${channel} ${sequence}`;
}

/** Reads a message. @throws {RangeError} It is none. */
export function readStamp(text: string): Stamp {
  const [sender, channel, sequence] = text.split(" ", 3);
  if (channel === undefined || sequence === undefined) throw new RangeError(`Not a message: ${text.slice(0, 80)}`);
  return { sender: sender!, channel, sequence: Number(sequence) };
}

/**
 * Brings the pages of all ends together.
 *
 * @param pages a channel's count and its account may stand on different ones, each on one
 * @throws {Error} Two have the same side of a channel: somebody was handed over and has stayed as well.
 */
export function reconcile(pages: readonly Page[]): Totals {
  const sent = new Map<string, number>();
  const received = new Map<string, Account>();
  for (const page of pages) {
    for (const [channel, count] of Object.entries(page.sent)) addOnce(sent, channel, count);
    for (const [channel, account] of Object.entries(page.received)) addOnce(received, channel, account);
  }
  const channels = new Set([...sent.keys(), ...received.keys()]);
  return sum([...channels].map((channel) => judge(sent.get(channel) ?? 0, received.get(channel))));
}

function addOnce<Value>(map: Map<string, Value>, channel: string, value: Value): void {
  if (map.has(channel)) throw new Error(`Two ends have ${channel}`);
  map.set(channel, value);
}

function judge(sent: number, account: Account | undefined): Totals {
  if (account === undefined) return { ...nothing, sent, lost: sent };
  const { next, missing, repeated, twice, outOfOrder } = account;
  const came = next - missing.length;
  const unsent = Math.max(0, next - sent) - missing.filter((one) => one >= sent).length;
  return {
    sent,
    delivered: came - unsent - repeated.filter((one) => one < sent).length,
    lost: Math.max(0, sent - next) + missing.filter((one) => one < sent).length,
    twice,
    outOfOrder,
    unsent,
  };
}

/** Adds up. */
export function sum(all: readonly Totals[]): Totals {
  return all.reduce(
    (a, b) => ({
      sent: a.sent + b.sent,
      delivered: a.delivered + b.delivered,
      lost: a.lost + b.lost,
      twice: a.twice + b.twice,
      outOfOrder: a.outOfOrder + b.outOfOrder,
      unsent: a.unsent + b.unsent,
    }),
    nothing,
  );
}
