/**
 * The ledger of channels. Every message carries its stream, which is one publisher's without interruption, and its place in
 * it, from 0; a stream ends with the first message of which its publisher does not know whether it was published. Each
 * subscription notes what it hears and what it is told; together they tell whether each has everything, once and in order,
 * or was told of the gap.
 */
import { nothing, type Totals } from "./ledger.ts";

/** What a publisher knows of its stream. */
export interface Stream {
  readonly channel: string;
  /** How many it knows to be published: those from 0. */
  acknowledged: number;
  /** How many it has tried. */
  tried: number;
}

/** What became of the messages of channels: `sent` is what was due, for each subscription. */
export interface ChannelTotals extends Totals {
  /** Due, and not heard because of a gap that was told. */
  readonly missed: number;
  /** Heard once more after a gap that was told, on a channel without offsets: another server may be behind. */
  readonly again: number;
  /** Offsets that did not follow the one before, though no gap was told. */
  readonly holes: number;
  /** Subscriptions that were told of no gap and have heard something else than another. */
  readonly differing: number;
}

/** A stream's name: with when it began, in ms since 1970. */
export function nameStream(who: string): string {
  return `${who}@${performance.timeOrigin + performance.now()}`;
}

const begunAt = (stream: string): number => Number(stream.slice(stream.lastIndexOf("@") + 1));

/** A message's text. */
export function writeItem(stream: string, sequence: number): string {
  return `${stream} ${sequence}`;
}

/** What a subscription has of a stream. */
interface Strand {
  /** One more than the last that was heard. */
  next: number;
  /** The most that it was. */
  most: number;
  /** Whether a gap was told since. */
  told: boolean;
  readonly missing: Set<number>;
  twice: number;
  outOfOrder: number;
  missed: number;
  again: number;
}

/** Of which nothing was heard. */
function toStrand(told: boolean): Strand {
  return { next: 0, most: 0, told, missing: new Set(), twice: 0, outOfOrder: 0, missed: 0, again: 0 };
}

/** One subscription, as long as it lasts, over whatever connections and servers. */
export class Hearing {
  readonly channel: string;
  /** Whether the channel keeps history: its messages have offsets. */
  readonly kept: boolean;
  readonly strands: Map<string, Strand> = new Map();
  holes = 0;
  /** How often a gap was told. */
  gaps = 0;
  /** How often it went on without one. */
  recovered = 0;
  /** Stands for all that was heard, in its order. */
  digest = 0x811c9dc5;
  #offset: number | undefined;
  #toldAt = -Infinity;

  constructor(channel: string, kept: boolean) {
    this.channel = channel;
    this.kept = kept;
  }

  /** Takes note of a message. @throws {RangeError} It is none. */
  take(text: string, offset: number | undefined): void {
    const [stream, number] = text.split(" ", 2);
    const sequence = Number(number);
    if (stream === undefined || !Number.isSafeInteger(sequence)) throw new RangeError(`No message: ${text}`);
    if (this.kept) {
      if (offset === undefined || (this.#offset !== undefined && offset !== this.#offset + 1)) this.holes++;
      this.#offset = offset;
      this.#stir(text);
    }
    this.#put(this.#strandOf(stream), sequence);
  }

  /** Takes note of what it was told. */
  subscribed({ recovered, first }: { readonly recovered: boolean; readonly first: boolean }): void {
    if (first) return;
    if (recovered) {
      this.recovered++;
      return;
    }
    this.gaps++;
    this.#offset = undefined;
    this.#toldAt = performance.timeOrigin + performance.now();
    for (const strand of this.strands.values()) strand.told = true;
  }

  /** Whether a stream that has not been heard may be missing: one that began before a gap was told. */
  mayMiss(stream: string): boolean {
    return begunAt(stream) <= this.#toldAt;
  }

  /** Whether all of a stream is there that is due, or was told to be missing. */
  has(stream: string, due: number): boolean {
    const strand = this.strands.get(stream);
    if (strand === undefined) return due === 0 || this.mayMiss(stream);
    return (strand.next >= due || strand.told) && strand.missing.size === 0;
  }

  #strandOf(stream: string): Strand {
    let strand = this.strands.get(stream);
    if (strand === undefined) this.strands.set(stream, (strand = toStrand(this.mayMiss(stream))));
    return strand;
  }

  #put(strand: Strand, sequence: number): void {
    if (sequence > strand.next) {
      if (strand.told) strand.missed += sequence - strand.next;
      else for (let one = strand.next; one < sequence; one++) strand.missing.add(one);
      strand.next = sequence + 1;
    } else if (sequence === strand.next) strand.next++;
    else if (strand.missing.delete(sequence)) strand.outOfOrder++;
    else if (strand.told && !this.kept) {
      strand.again += strand.next - sequence;
      strand.next = sequence + 1;
    } else strand.twice++;
    strand.told = false;
    strand.most = Math.max(strand.most, strand.next);
  }

  /** FNV-1a. */
  #stir(text: string): void {
    let digest = this.digest;
    for (let at = 0; at < text.length; at++) digest = Math.imul(digest ^ text.charCodeAt(at), 0x01000193);
    this.digest = digest >>> 0;
  }
}

/**
 * How many of each stream are due to everybody: what is known to be published, and on a channel with history also what
 * somebody has heard. Of a stream whose publisher was killed the last that was heard may be the one that it never heard of.
 *
 * @param streams what publishers know
 * @param hearings what was heard of these channels
 */
export function dues(streams: ReadonlyMap<string, Stream>, hearings: readonly Hearing[]): Map<string, Stream> {
  const all = new Map([...streams].map(([name, stream]) => [name, { ...stream }]));
  for (const { channel, kept, strands } of hearings) {
    for (const [name, { most }] of strands) {
      const known = all.get(name) ?? { channel, acknowledged: 0, tried: Infinity };
      const heard = kept ? most : streams.has(name) ? 0 : most - 1;
      all.set(name, { ...known, acknowledged: Math.max(known.acknowledged, heard) });
    }
  }
  return all;
}

/** Brings together what was heard and what was due: the streams of other channels are passed over. */
export function judge(due: ReadonlyMap<string, Stream>, hearings: readonly Hearing[]): ChannelTotals {
  const totals = { ...nothing, missed: 0, again: 0, holes: 0, differing: 0 };
  const digests = new Map<string, number>();
  for (const hearing of hearings) {
    for (const [name, { channel, acknowledged, tried }] of due) {
      if (channel !== hearing.channel) continue;
      const strand = hearing.strands.get(name) ?? toStrand(hearing.mayMiss(name));
      const { next, told, missing, most } = strand;
      const left = Math.max(0, acknowledged - next);
      const [lost, missed] = [missing.size + (told ? 0 : left), strand.missed + (told ? left : 0)];
      totals.sent += Math.max(acknowledged, next);
      totals.delivered += Math.max(acknowledged, next) - lost - missed;
      totals.lost += lost;
      totals.missed += missed;
      totals.twice += strand.twice;
      totals.outOfOrder += strand.outOfOrder;
      totals.again += strand.again;
      totals.unsent += Math.max(0, most - tried);
    }
    totals.holes += hearing.holes;
    if (!hearing.kept || hearing.gaps > 0) continue;
    const digest = digests.get(hearing.channel) ?? hearing.digest;
    digests.set(hearing.channel, digest);
    if (digest !== hearing.digest) totals.differing++;
  }
  return totals;
}
