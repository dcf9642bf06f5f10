import { Buffer } from "node:buffer";
import { CallBook, type CallBookOptions } from "./call-book.ts";
import { Crash } from "./crash.ts";
import { bodyText, modulo, type Frame } from "./grammar.ts";

/** Bounds on what the end under test keeps. */
export interface KeepLimits {
  readonly replayFrames: number;
  readonly replayLimit: number;
}

export interface AccountOptions extends CallBookOptions, KeepLimits {}

/** After how many frames, bytes and ms what was received is acknowledged at the latest. */
const MOST_FRAMES = 64;
const MOST_BYTES = 65_536;
const LONGEST = 1_000;

/** A frame that is kept until it is acknowledged. */
interface Kept {
  readonly hex: string;
  /** Its length at least, as the subject counts it, which knows what was text before it went into a binary packet. */
  readonly size: number;
  /** And at most. */
  readonly most: number;
}

/**
 * What the end under test must remember of one connection, whatever sockets it goes over: how much it has received and
 * sent, what it keeps for the next socket, and the tokens by which it is known.
 */
export class Account {
  readonly book: CallBook;
  /** The connection's id, once it is known. */
  id = "";
  /** Counted frames that the subject has taken, and given to sockets. */
  heard = 0;
  said = 0;
  /** What its peer has acknowledged. */
  acked = 0;
  /** Whether the peer is known to acknowledge: then frames are held back, and none is forgotten. */
  knows: boolean;
  /** Whether it outlives its sockets. */
  lasting = false;
  /** Whether services have heard of it. */
  begun = false;
  /** Whether it can be gone on with. */
  alive = true;
  /** Whether it is not known what is forgotten, or counted. */
  vague = false;
  /** Who watches the socket that it uses. */
  user: object | undefined;
  token: string | undefined;
  next: string | undefined;
  /** Tokens that were good once. */
  readonly spent: string[] = [];
  kept: Kept[] = [];
  /** What the next frames must be: those that are replayed. */
  replay: Kept[] = [];
  /** Counted frames that were fed and have not been taken: the tester's to replay. */
  inFlight: Frame[] = [];
  /** Frames that come again, which the subject drops. */
  repeats = 0;
  readonly #options: AccountOptions;
  /** Frames given to sockets, not modulo anything. */
  #total = 0;
  #unacknowledged = 0;
  #bytes = 0;
  #since = 0;

  constructor(options: AccountOptions) {
    this.#options = options;
    this.book = new CallBook(options);
    this.knows = options.subject === "client";
  }

  /** From now on nobody knows what was told. */
  lose(): void {
    this.book.blind = true;
    this.inFlight = [];
  }

  // --- what the subject receives ---

  /** The subject takes a counted frame at this time. */
  take(frame: Frame, now: number): void {
    if (this.repeats > 0) {
      this.repeats--;
      return;
    }
    this.inFlight.shift();
    this.heard = modulo(this.heard + 1);
    if (this.#unacknowledged++ === 0) this.#since = now;
    this.#bytes += frame.raw.length;
  }

  /** The peer of the subject hears the count in some way. */
  told(): void {
    this.#unacknowledged = this.#bytes = 0;
  }

  /** Why the subject should have acknowledged by now; `held` is for how long its process was held up since a time. */
  overdue(now: number, held: (since: number) => number): string | undefined {
    if (!this.lasting || this.#unacknowledged === 0) return undefined;
    if (this.#unacknowledged >= MOST_FRAMES) return `${this.#unacknowledged} frames`;
    if (this.#bytes >= MOST_BYTES) return `${this.#bytes} bytes`;
    const late = now - this.#since - held(this.#since);
    return late > LONGEST ? `a frame of ${now - this.#since} ms ago` : undefined;
  }

  /** Whether a count may be acknowledged by the subject's peer. */
  isPossible(count: number): boolean {
    return modulo(count - this.acked) <= modulo(this.said - this.acked);
  }

  /** The peer has acknowledged. */
  acknowledge(count: number): void {
    this.knows = true;
    this.acked = count;
    this.#release(count);
    // What waits to be replayed is replayed only as far as it is still kept.
    this.replay.splice(0, this.replay.length - this.kept.length);
  }

  #release(count: number): void {
    const known = modulo(count - this.base);
    if (known <= this.kept.length) this.kept.splice(0, known);
  }

  /** After which frame the subject can still replay. */
  get base(): number {
    return modulo(this.said - this.kept.length);
  }

  // --- what the subject sends ---

  /** The subject gives a counted frame to a socket: one that it replays, or a new one, of which this is true. */
  give({ raw }: Frame): boolean {
    const hex = Buffer.from(raw as string).toString("hex");
    const due = this.replay.shift();
    if (due !== undefined) {
      if (due.hex !== hex) throw new Crash("replay", `${show(hex)} instead of ${show(due.hex)}`);
      return false;
    }
    this.said = modulo(this.said + 1);
    this.#total++;
    if (!this.lasting) return true;
    this.kept.push({ hex, size: bodyText(raw)?.length ?? raw.length, most: raw.length });
    this.#bound();
    return true;
  }

  /** Forgets what the subject must forget, and sees that it has held back what it must hold back. */
  #bound(): void {
    const { replayFrames, replayLimit } = this.#options;
    const over = (): boolean => this.kept.length > 1 && (this.kept.length > replayFrames || this.size > replayLimit);
    if (this.knows) {
      if (!over()) return;
      const sizes = this.kept.map(({ size, most }) => `${size}/${most}`).join(", ");
      throw new Crash(
        "bounds",
        `${this.kept.length} frames of ${this.size} (${sizes}) kept where ${replayFrames} of ${replayLimit} may be`,
      );
    }
    const most = this.kept.reduce((sum, one) => sum + one.most, 0);
    if (most > replayLimit && most !== this.size) this.vague = true;
    while (over()) this.kept.shift();
  }

  /** What is kept, in bytes or characters. */
  get size(): number {
    return this.kept.reduce((sum, { size }) => sum + size, 0);
  }

  // --- resuming ---

  /** After which frame the subject goes on for a peer that offers a count; `undefined` where it cannot. */
  offered(count: number): number | undefined {
    const { base } = this;
    if (modulo(count - base) <= this.kept.length) return count;
    // Older than the first there is none.
    const age = modulo(base - count);
    return base === this.acked && age < 2 ** 30 && age <= this.#total - this.kept.length ? base : undefined;
  }

  /** Goes on over another socket: everything after this count comes again. */
  resume(from: number): void {
    this.#release(from);
    this.acked = from;
    this.replay = [...this.kept];
    this.told();
  }

  /** The peer has shown that it holds the next token. */
  confirm(): void {
    if (this.next === undefined) return;
    if (this.token !== undefined) this.spent.push(this.token);
    this.token = this.next;
    this.next = undefined;
  }

  /** There is nothing to go on with any more. */
  end(): void {
    this.alive = false;
    for (const token of [this.token, this.next]) if (token !== undefined) this.spent.push(token);
    this.token = this.next = undefined;
  }

  /** Whether one of its tokens is this one. */
  knowsToken(token: string): boolean {
    return this.alive && (token === this.token || token === this.next);
  }
}

function show(hex: string): string {
  return JSON.stringify(Buffer.from(hex, "hex").toString("latin1").slice(0, 100));
}
