import type { Account } from "./account.ts";
import type { Call, Verdict } from "./call-book.ts";
import { bodyObject, bodyText, isCounted, packetLength, readPacket } from "./grammar.ts";
import type { Body, Frame, Packet } from "./grammar.ts";

/** The object in a control frame. */
export type Control = Readonly<Record<string, unknown>>;

/** What only one of the ends does: opening, and verdicts. */
export interface Side {
  /** Whether counted frames wait for a verdict. */
  readonly gated: boolean;
  /** What the first frame after the welcome must acknowledge. */
  readonly answer?: number | undefined;
  /** Whether the subject must close the socket that was offered to it. */
  readonly leaves?: boolean;
  /** The subject reads a control frame. */
  reads(message: Control): Verdict;
  /** It says one; why it must not. */
  says(message: Control): string | undefined;
  /** It answers the welcome; why it must not, like this. */
  answers?(count: number): string | undefined;
  /** The socket is gone, or closed, before it carried anything. */
  lost?(code: number): void;
  /** The socket in use was closed because the connection is to be found elsewhere. */
  moved?(): void;
}

/** Members of a control frame after which it is not known here what the next frames come to. */
const WEIGHTY = ["hello", "auth", "resume", "welcome", "expires", "draining", "resumed"];
const NONE: ReadonlyMap<number, Call> = new Map();

export interface RefereeOptions {
  /** Which end is under test. */
  readonly subject: "server" | "client";
  /** The largest packet, and the most frames in one, that it takes. */
  readonly packetIn: number;
  readonly framesIn: number;
  /** The largest packet that it sends, where it holds more than one frame. */
  readonly packetOut: number;
  readonly now: () => number;
  /** For how long its process was held up since a time. */
  readonly held: (since: number) => number;
}

/** Knows what one socket of the end under test was told, and what must come of it. */
export class Hearing {
  /** The connection that the socket carries, or carried until another took its place. */
  account: Account | undefined;
  side!: Side;
  frames = 0;
  /** Whether the welcome has gone, one way or the other. */
  welcomed = false;
  /** Whether counted frames were fed of which nobody knew to which connection they would go. */
  early = false;
  verdict: Verdict = "fine";
  readonly subject: RefereeOptions["subject"];
  /** Whether another socket carries its connection. */
  superseded = false;
  protected readonly options: RefereeOptions;
  /** The least count that may be acknowledged, while not all is read. */
  protected least: number | undefined;
  protected loose = false;
  #gated: Frame[] = [];
  #greeted = false;

  constructor(options: RefereeOptions) {
    this.options = options;
    this.subject = options.subject;
  }

  get theirs(): ReadonlyMap<number, Call> {
    return this.account?.book.theirs ?? NONE;
  }

  get ours(): ReadonlyMap<number, Call> {
    return this.account?.book.ours ?? NONE;
  }

  get saidCount(): number {
    return this.account?.said ?? 0;
  }

  get fedCount(): number {
    return this.account?.heard ?? 0;
  }

  /** From now on nobody knows what comes of anything, but grammar is grammar. */
  loosen(): void {
    this.loose = true;
    this.account?.book.loosen();
  }

  /** Another socket carries its connection from now on. */
  replace(): void {
    this.superseded = true;
    this.unread();
  }

  /** What waited for a verdict was never taken. */
  protected unread(): void {
    if (this.account !== undefined) this.account.inFlight = [...this.#gated, ...this.account.inFlight];
    this.#gated = [];
  }

  /** What waited for a verdict is taken now. */
  ungate(): void {
    const { account } = this;
    if (account === undefined) return;
    this.least = account.heard;
    const gated = this.#gated.splice(0);
    account.inFlight.unshift(...gated);
    for (const frame of gated) account.take(frame, this.options.now());
  }

  // --- what the subject is told ---

  /** Takes note of a packet that is on its way to the subject; `again` where its frames were fed to another socket. */
  fed(packet: Packet, expect?: string, again = false): Verdict {
    if (this.superseded) return "fine";
    let verdict: Verdict = packetLength(packet) > this.options.packetIn ? "breach" : "fine";
    if (verdict === "fine") {
      const { frames, breach } = readPacket(packet, this.options.framesIn);
      for (const frame of frames) {
        this.frames++;
        const one = this.#take(frame, expect, again);
        if (one === "breach" && verdict === "fine") verdict = this.loose ? "unsure" : "breach";
        else if (one === "unsure" && verdict === "fine") verdict = "unsure";
      }
      if (breach !== undefined) verdict = "breach";
    }
    if (this.verdict === "fine" || verdict === "breach") this.verdict = verdict;
    return verdict;
  }

  #take(frame: Frame, expect: string | undefined, again: boolean): Verdict {
    const { kind, body } = frame;
    // Before the welcome a ping is out of place, but does no harm.
    if (kind === "(" || kind === ")") return this.welcomed ? "fine" : "unsure";
    if (kind === "$") return this.#takeControl(body);
    const { account } = this;
    if (account === undefined) {
      if (!this.#greeted) return "breach";
      this.early = true;
      return "unsure";
    }
    // Whether it can be shows when it is read.
    if (kind === "%") return "fine";
    if (again) return "unsure";
    account.inFlight.push(frame);
    const verdict = account.book.take(frame, expect);
    // Bytes that should be text are only looked at by whoever reads them.
    return verdict === "fine" && (bodyText(body) === undefined || !this.welcomed) ? "unsure" : verdict;
  }

  #takeControl(body: Body): Verdict {
    const message = bodyObject(body);
    if (message === undefined) return "breach";
    if (this.subject === "server" && this.account === undefined && !this.#greeted && !("hello" in message)) {
      return "breach";
    }
    if ("hello" in message || "welcome" in message) this.#greeted = true;
    if (!WEIGHTY.some((name) => name in message)) return "fine";
    if ("auth" in message) this.loosen();
    return "unsure";
  }

  /** The subject is about to read a packet. */
  reads(packet: Packet): void {
    this.least = this.account?.heard;
    if (packetLength(packet) > this.options.packetIn) return;
    for (const frame of readPacket(packet, this.options.framesIn).frames) {
      if (this.#reads(frame)) continue;
      this.verdict = "breach";
      return;
    }
  }

  /** It has read it. */
  read(): void {
    this.least = undefined;
  }

  #reads(frame: Frame): boolean {
    const { account } = this;
    // Any frame shows that the client has the welcome, and the token in it.
    if (this.welcomed && this.subject === "server") account?.confirm();
    if (frame.kind === "$") {
      const message = bodyObject(frame.body);
      return message === undefined || this.side.reads(message) !== "breach";
    }
    if (account === undefined || account.user !== this) return true;
    if (frame.kind === "%") {
      if (!account.isPossible(frame.id)) return false;
      account.acknowledge(frame.id);
    } else if (isCounted(frame)) {
      if (!this.side.gated) account.take(frame, this.options.now());
      else {
        account.inFlight.shift();
        this.#gated.push(frame);
      }
    }
    return true;
  }
}
