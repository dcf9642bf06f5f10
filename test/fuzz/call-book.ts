import { bodyJson, bodyText, type Body, type Frame } from "./grammar.ts";

/** What must come of a packet: the socket closed, not closed for a breach, or nobody knows. */
export type Verdict = "breach" | "fine" | "unsure";

/** Credit before the first grant. */
const CREDIT = 16;

/** A call, as it looks to whoever is in the middle. Counts are of the caller's and the callee's items. */
export interface Call {
  service: number;
  /** How often its id was taken without an ending in between: more than 1 only where the peer under test was lied to. */
  times: number;
  up: number;
  upCredit: number;
  down: number;
  downCredit: number;
  finished: boolean;
  cancelled: boolean;
  /** When it was last touched. */
  round: number;
  /** What its result must be, where that is known. */
  expect: string | undefined;
}

export interface CallBookOptions {
  /** Which end is under test. */
  readonly subject: "server" | "client";
  /** How many services there are. */
  readonly services: number;
  /** The number of the rpc service. */
  readonly rpc: number;
}

/**
 * The calls of one connection, whatever sockets it goes over. It knows what was sent and not when it was read, so that it
 * lets pass what may be late.
 */
export class CallBook {
  /** Calls of the tester's that have no ending yet, and calls of the subject's. */
  readonly theirs = new Map<number, Call>();
  readonly ours = new Map<number, Call>();
  /** Whether what was told is not known any more: whatever the subject says of calls may be right. */
  blind = false;
  /** Whether nobody knows what comes of anything. */
  loose = false;
  readonly #options: CallBookOptions;
  readonly #asked = new Set<number>();
  /** Ids of which was spoken when nobody could know of them: the subject may just have taken them. */
  readonly #guessed = new Set<number>();
  #round = 0;
  #stirred = false;

  constructor(options: CallBookOptions) {
    this.#options = options;
  }

  loosen(): void {
    this.loose = true;
    for (const call of this.theirs.values()) call.expect = undefined;
  }

  /** All is quiet: what was told has been read. */
  settle(): void {
    this.#round++;
    this.#stirred = false;
  }

  /** What is due and did not come. */
  get missing(): string | undefined {
    if (this.blind) return undefined;
    for (const { expect, times, cancelled } of this.theirs.values()) {
      if (expect !== undefined && times === 1 && !cancelled) return expect;
    }
    return undefined;
  }

  /** Takes a counted frame that the subject is told. */
  take(frame: Frame, expect: string | undefined): Verdict {
    if (this.blind) return "unsure";
    const verdict = this.#take(frame, expect);
    if ("@?>+/".includes(frame.kind)) this.#stirred = true;
    return verdict;
  }

  #take({ kind, service, id, count, body }: Frame, expect: string | undefined): Verdict {
    const call = this.theirs.get(id);
    const own = this.ours.get(id);
    // What another frame has begun or ended since all was quiet is not known yet.
    const settled = (one: Call): boolean => one.round < this.#round && one.times === 1 && !this.#stirred;
    switch (kind) {
      case "@":
        return "fine";
      case "?":
        if (call === undefined) {
          this.theirs.set(id, this.#begin(service, this.loose ? undefined : expect));
          return "fine";
        }
        call.times++;
        call.service = NaN;
        call.expect = undefined;
        call.upCredit += CREDIT;
        call.downCredit += CREDIT;
        return "unsure";
      case "#":
      case "/":
      case "+":
      case ">": {
        if (call === undefined) return "fine";
        const sure = settled(call);
        call.round = this.#round;
        if (kind === "#") call.cancelled = true;
        if (kind === "+") call.downCredit += count;
        if (kind === ">" && (call.finished || ++call.up > call.upCredit)) return sure ? "breach" : "unsure";
        if (kind === "/") call.finished = true;
        return "fine";
      }
      default: {
        if (own === undefined) {
          if (this.#stirred || this.#options.subject === "client") this.#guessed.add(id);
          return this.#stirred ? "unsure" : "breach";
        }
        const sure = settled(own);
        own.round = this.#round;
        const guessed = this.#guessed.has(id);
        if (kind === "-") own.upCredit += count;
        if (kind === "<" && ++own.down > own.downCredit) return sure && !guessed ? "breach" : "unsure";
        if (kind === "=" || kind === "!") this.ours.delete(id);
        if (kind === "!" && !hasCode(body)) return "breach";
        return guessed ? "unsure" : "fine";
      }
    }
  }

  #begin(service: number, expect?: string): Call {
    const credits = { up: 0, upCredit: CREDIT, down: 0, downCredit: CREDIT };
    return { service, times: 1, ...credits, finished: false, cancelled: false, round: this.#round, expect };
  }

  /** Proves a counted frame that the subject says. */
  prove(frame: Frame): string | undefined {
    if (this.blind) return undefined;
    return "=!<-".includes(frame.kind) ? this.#proveAnswer(frame) : this.#proveAsking(frame);
  }

  /** A frame that ends or goes on with a call of the tester's. */
  #proveAnswer({ kind, id, count, body }: Frame): string | undefined {
    const call = this.theirs.get(id);
    if (call === undefined) return "answer to no call";
    if (kind === "-") call.upCredit += count;
    if (kind === "<" && ++call.down > call.downCredit) return "item beyond the credit";
    if (kind === "!" && !hasCode(body)) return "malformed failure";
    if ((kind === "<" || kind === "=") && call.service === this.#options.rpc && !isValue(body))
      return "malformed value";
    if (kind === "=" && call.expect !== undefined && bodyText(body) !== call.expect) return `not ${call.expect}`;
    if (kind === "!" && call.expect !== undefined && !call.cancelled)
      return `failure where there should be ${call.expect}`;
    if ((kind === "=" || kind === "!") && --call.times === 0) this.theirs.delete(id);
    return undefined;
  }

  /** A message, or a frame of a call that the subject makes. */
  #proveAsking({ kind, service, id, count, body }: Frame): string | undefined {
    if ((kind === "@" || kind === "?") && service >= this.#options.services) return "no such service";
    if (kind === "@") return undefined;
    const call = this.ours.get(id);
    if (kind === "?") {
      if (call !== undefined && !this.#guessed.has(id)) return "call with an id in use";
      if (service === this.#options.rpc && bodyText(body) === undefined && !(body[1] === 0)) return "malformed call";
      this.ours.set(id, this.#begin(service));
      this.#asked.add(id);
      return undefined;
    }
    if (!this.#asked.has(id)) return "frame of a call that was never made";
    // Late, and nothing is known of it any more.
    if (call === undefined) return undefined;
    if (call.cancelled && kind !== "+") return "frame of a call that it has cancelled";
    if (kind === "#") call.cancelled = true;
    if (kind === "+") call.downCredit += count;
    if (kind === ">" && call.finished) return "item after the last";
    if (kind === ">" && ++call.up > call.upCredit && !this.#guessed.has(id)) return "item beyond the credit";
    if (kind === "/") {
      if (call.finished) return "the last item twice";
      call.finished = true;
    }
    return undefined;
  }
}

function hasCode(body: Body): boolean {
  const value = bodyJson(body)?.value;
  return typeof value === "object" && value !== null && typeof (value as { code?: unknown }).code === "string";
}

/** Whether a body is a value as rpc writes it. */
function isValue(body: Body): boolean {
  if (body.length === 0) return true;
  return (typeof body !== "string" && body[0] === 0) || bodyJson(body) !== undefined;
}
