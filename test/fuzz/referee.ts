import { Buffer } from "node:buffer";
import {
  bodyJson,
  bodyObject,
  bodyText,
  MAX_FRAMES,
  MAX_NUMBER,
  packetLength,
  readPacket,
  type Body,
  type Frame,
  type Packet,
} from "./grammar.ts";

/** A packet for people to read. */
export function showPacket(packet: Packet): string {
  const text = typeof packet === "string" ? packet : Buffer.from(packet).toString("latin1");
  return JSON.stringify(text.slice(0, 200)) + (typeof packet === "string" ? "" : " in a binary packet");
}

/** The end under test did what it must not. */
export class Crash extends Error {
  readonly oracle: string;

  constructor(oracle: string, detail: string, cause?: unknown) {
    super(`${oracle}: ${detail}`, { cause });
    this.name = "Crash";
    this.oracle = oracle;
  }
}

/** Credit before the first grant. */
const CREDIT = 16;

/** A call, as it looks to whoever is in the middle. Counts are of the caller's and the callee's items. */
interface Call {
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

/** What must come of a packet: the socket closed, not closed for a breach, or nobody knows. */
export type Verdict = "breach" | "fine" | "unsure";

/** The codes with which a breach is answered. */
const BREACHES = { server: new Set([1002, 1007, 1009]), client: new Set([1002, 1007, 1009, 4004]) } as const;
const CLOSINGS = {
  server: new Set([1001, 1002, 1007, 1008, 1009, 1012, 4001, 4002, 4003, 4004]),
  client: new Set([1000, 1002, 1007, 1009, 4002, 4003, 4004]),
} as const;
/** Members of a control frame after which it is not known here what the next frames come to. */
const WEIGHTY = ["hello", "auth", "resume", "welcome", "expires", "draining", "resumed"];

export interface RefereeOptions {
  /** Which end is under test. */
  readonly subject: "server" | "client";
  /** The largest packet that it takes. */
  readonly packetIn: number;
  /** The most frames that it takes in a packet. */
  readonly framesIn: number;
  /** The largest packet that it sends, where it holds more than one frame. */
  readonly packetOut: number;
  /** How many services there are. */
  readonly services: number;
  /** The number of the rpc service. */
  readonly rpc: number;
}

/**
 * Watches one socket of the end under test. What that end says must be possible after what it was told, and what it is
 * told must have the consequence that PROTOCOL.md gives it. It knows what was sent and not when it was read, so that it
 * lets pass what may be late.
 */
export class Referee {
  /** Calls of the tester's that have no ending yet, and calls of the subject's. */
  readonly theirs = new Map<number, Call>();
  readonly ours = new Map<number, Call>();
  /** Counted frames that were fed, and said. */
  fedCount = 0;
  saidCount = 0;
  frames = 0;
  /** Whether the welcome has gone, one way or the other. */
  welcomed = false;
  closing: { code: number; reason: string } | undefined;
  verdict: Verdict = "fine";
  readonly subject: RefereeOptions["subject"];
  readonly #options: RefereeOptions;
  readonly #asked = new Set<number>();
  /** Ids of which was spoken when nobody could know of them: the subject may just have taken them. */
  readonly #guessed = new Set<number>();
  #acknowledgedByPeer = 0;
  #acknowledged = 0;
  #round = 0;
  #stirred = false;
  #loose = false;
  #acknowledging = true;
  #greeted = false;
  #judged = false;

  constructor(options: RefereeOptions) {
    this.#options = options;
    this.subject = options.subject;
  }

  /** From now on nobody knows what comes of anything, but grammar is grammar. */
  loosen(): void {
    this.#loose = true;
    for (const call of this.theirs.values()) call.expect = undefined;
  }

  // --- what the subject is told ---

  /** Takes note of a packet that the subject is given. */
  fed(packet: Packet, expect?: string): Verdict {
    let verdict: Verdict = packetLength(packet) > this.#options.packetIn ? "breach" : "fine";
    if (verdict === "fine") {
      const { frames, breach } = readPacket(packet, this.#options.framesIn);
      for (const frame of frames) {
        this.frames++;
        const one = this.#take(frame, expect);
        if (one === "breach" && verdict === "fine") verdict = this.#loose ? "unsure" : "breach";
        else if (one === "unsure" && verdict === "fine") verdict = "unsure";
      }
      if (breach !== undefined) verdict = "breach";
    }
    if (this.verdict === "fine" || verdict === "breach") this.verdict = verdict;
    return verdict;
  }

  #take(frame: Frame, expect: string | undefined): Verdict {
    const { kind, id } = frame;
    if (kind === "(" || kind === ")") return this.#alive();
    if (kind === "$") return this.#takeControl(frame.body);
    if (!this.welcomed) {
      if (!this.#greeted) return "breach";
      // The welcome is on its way, and nobody knows what it says.
      this.#takeCounted(frame, undefined);
      return "unsure";
    }
    if (kind === "%") return this.#takeAcknowledgement(id);
    this.fedCount = (this.fedCount + 1) % 2 ** 31;
    // Bytes that should be text are only looked at by whoever reads them.
    const certain = bodyText(frame.body) !== undefined;
    const verdict = this.#takeCounted(frame, expect);
    if ("@?>+/".includes(kind)) this.#stirred = true;
    return verdict === "fine" && !certain ? "unsure" : verdict;
  }

  /** Before the welcome a ping is out of place, but does no harm. */
  #alive(): Verdict {
    return this.welcomed ? "fine" : "unsure";
  }

  #takeControl(body: Body): Verdict {
    const message = bodyObject(body);
    if (message === undefined) return "breach";
    if (this.#options.subject === "server" && !this.welcomed && !("hello" in message)) return "breach";
    if ("hello" in message) this.#greeted = true;
    if (WEIGHTY.some((name) => name in message)) {
      if ("auth" in message || "resume" in message) this.loosen();
      if (this.#options.subject === "client" && "welcome" in message) {
        if (this.welcomed) return "breach";
        this.welcomed = true;
      }
      return "unsure";
    }
    return "fine";
  }

  #takeAcknowledgement(count: number): Verdict {
    const distance = (count - this.#acknowledgedByPeer + 2 ** 31) % 2 ** 31;
    if (distance > (this.saidCount - this.#acknowledgedByPeer + 2 ** 31) % 2 ** 31) return "breach";
    this.#acknowledgedByPeer = count;
    return "fine";
  }

  #takeCounted({ kind, service, id, count, body }: Frame, expect: string | undefined): Verdict {
    const call = this.theirs.get(id);
    const own = this.ours.get(id);
    // What another frame has begun or ended since all was quiet is not known yet.
    const settled = (one: Call): boolean => one.round < this.#round && one.times === 1 && !this.#stirred;
    switch (kind) {
      case "@":
        return "fine";
      case "?":
        if (call === undefined) {
          this.theirs.set(id, this.#begin(service, this.#loose ? undefined : expect));
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
          if (this.#stirred || this.subject === "client") this.#guessed.add(id);
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
    return {
      service,
      times: 1,
      up: 0,
      upCredit: CREDIT,
      down: 0,
      downCredit: CREDIT,
      finished: false,
      cancelled: false,
      round: this.#round,
      expect,
    };
  }

  // --- what the subject says ---

  /** Takes a packet of the subject's, and has every word of it proved. */
  said(packet: Packet): void {
    const fail = (why: string): never => {
      throw new Crash("grammar", `${this.#options.subject} says ${showPacket(packet)}: ${why}`);
    };
    if (this.closing !== undefined) fail("after it has closed");
    const { frames, breach } = readPacket(packet, MAX_FRAMES);
    if (breach !== undefined) fail(breach);
    if (frames.length > 1 && packetLength(packet) > this.#options.packetOut) fail("frames joined over the limit");
    for (const frame of frames) {
      const why = this.#prove(frame);
      if (why !== undefined) fail(why);
    }
  }

  #prove(frame: Frame): string | undefined {
    const { kind, id, body } = frame;
    const server = this.#options.subject === "server";
    if (kind === "$") return this.#proveControl(body);
    if (!this.welcomed) return "frame before the welcome";
    if (kind === "(" || kind === ")") return undefined;
    if (kind === "%") {
      const distance = (id - this.#acknowledged + 2 ** 31) % 2 ** 31;
      if (distance > (this.fedCount - this.#acknowledged + 2 ** 31) % 2 ** 31) return "acknowledges what never came";
      this.#acknowledged = id;
      this.#acknowledging = false;
      return undefined;
    }
    // A client answers the welcome before anything else.
    if (!server && this.#acknowledging) return "frame before the answer to the welcome";
    this.saidCount = (this.saidCount + 1) % 2 ** 31;
    return "=!<-".includes(kind) ? this.#proveAnswer(frame) : this.#proveAsking(frame);
  }

  #proveControl(body: Body): string | undefined {
    const message = bodyObject(body);
    if (message === undefined) return "control without an object";
    if (this.#options.subject === "client" || this.welcomed) return undefined;
    const { welcome, connection, heartbeat, packet, received, sent } = message;
    if (welcome !== 1 || typeof connection !== "string") return "no welcome";
    for (const number of [heartbeat, packet, received, sent]) {
      if (!Number.isInteger(number) || Number(number) < 0 || Number(number) > MAX_NUMBER) return "malformed welcome";
    }
    this.welcomed = true;
    // What follows waits for a verdict.
    if (message["auth"] === true) this.loosen();
    return undefined;
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

  /** The subject closes its socket. */
  closes(code: number, reason: string): void {
    const { subject } = this.#options;
    if (!CLOSINGS[subject].has(code)) throw new Crash("close code", `${subject} closes with ${code} ${reason}`);
    if (Buffer.byteLength(reason) > 123) throw new Crash("close code", `${subject} closes with a reason too long`);
    this.closing ??= { code, reason };
  }

  /** Once all is quiet: what came of what the subject was told since the last time. `gone` is a socket lost otherwise. */
  judge(gone: boolean): void {
    const { verdict, closing } = this;
    this.verdict = "fine";
    this.#round++;
    this.#stirred = false;
    if (closing === undefined) {
      if (gone) return;
      if (verdict === "breach") throw new Crash("verdict", "a breach that is taken");
      for (const { expect, times, cancelled } of this.theirs.values()) {
        if (expect !== undefined && times === 1 && !cancelled) throw new Crash("no answer", `where ${expect} is due`);
      }
      return;
    }
    const { code, reason } = closing;
    if (this.#judged) return;
    this.#judged = true;
    if (verdict !== "fine" || this.#loose) return;
    // A client also closes with this code what says nothing in time.
    const late = reason.startsWith("No ");
    if (BREACHES[this.subject].has(code) && !late) {
      throw new Crash("verdict", `closed with ${code} ${reason} for what is no breach`);
    }
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
