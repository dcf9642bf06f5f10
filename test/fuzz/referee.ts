import { Buffer } from "node:buffer";
import type { Account } from "./account.ts";
import { endsConnection } from "./bank.ts";
import type { Verdict } from "./call-book.ts";
import { Crash, showPacket } from "./crash.ts";
import { bodyObject, isCounted, MAX_FRAMES, packetLength, readPacket, type Frame, type Packet } from "./grammar.ts";
import { Hearing } from "./hearing.ts";

/** The codes with which a breach is answered. */
const BREACHES = { server: new Set([1002, 1007, 1009]), client: new Set([1002, 1007, 1009, 4004]) } as const;
const CLOSINGS = {
  server: new Set([1001, 1002, 1007, 1008, 1009, 1012, 4001, 4002, 4003, 4004]),
  client: new Set([1000, 1002, 1007, 1009, 4001, 4002, 4003, 4004]),
} as const;
/**
 * Watches one socket of the end under test. What that end says must be possible after what it was told, and what it is
 * told must have the consequence that PROTOCOL.md gives it.
 */
export class Referee extends Hearing {
  closing: { code: number; reason: string } | undefined;
  #judged = false;

  // --- what the subject says ---

  /** Takes a packet of the subject's, and has every word of it proved. */
  said(packet: Packet): void {
    const fail = (why: string): never => {
      throw new Crash("grammar", `${this.subject} says ${showPacket(packet)}: ${why}`);
    };
    if (this.closing !== undefined) fail("after it has closed");
    const { frames, breach } = readPacket(packet, MAX_FRAMES);
    if (breach !== undefined) fail(breach);
    if (frames.length > 1 && packetLength(packet) > this.options.packetOut) fail("frames joined over the limit");
    if (frames.length > 1 && !frames.every(isCounted)) fail("link frame that is not alone");
    for (const frame of frames) {
      const why = this.#prove(frame);
      if (why !== undefined) fail(why);
    }
  }

  #prove(frame: Frame): string | undefined {
    const { kind, id, body } = frame;
    const { account, side } = this;
    if (kind === "$") {
      const message = bodyObject(body);
      return message === undefined ? "control without an object" : side.says(message);
    }
    if (kind === "%" && side.answer !== undefined) return side.answers!(id);
    if (!this.welcomed || account === undefined) return "frame before the welcome";
    if (kind === "(" || kind === ")") return undefined;
    if (this.superseded) return "frame on a socket that another has replaced";
    if (kind === "%") return this.#proveCount(id, account);
    // A client answers the welcome before anything else.
    if (side.answer !== undefined) return "frame before the answer to the welcome";
    return account.give(frame) ? account.book.prove(frame) : undefined;
  }

  #proveCount(count: number, account: Account): string | undefined {
    if (!account.lasting) return "acknowledges where nothing is kept";
    account.told();
    const least = this.least ?? account.heard;
    if (account.vague || (count >= least && count <= account.heard)) return undefined;
    return `acknowledges ${count} of ${account.heard}`;
  }

  // --- the end of the socket ---

  /** The subject closes its socket. */
  closes(code: number, reason: string): void {
    const { subject } = this;
    if (!CLOSINGS[subject].has(code)) throw new Crash("close code", `${subject} closes with ${code} ${reason}`);
    if (Buffer.byteLength(reason) > 123) throw new Crash("close code", `${subject} closes with a reason too long`);
    if ((code === 4001) !== this.superseded) throw new Crash("takeover", `${subject} closes with ${code} ${reason}`);
    this.closing ??= { code, reason };
    // A client also says that it is done with a socket that it did not wait for.
    if (this.account !== undefined || code !== 1000) this.lost(code);
  }

  /** The socket is gone. */
  lost(code: number): void {
    const { account } = this;
    if (account === undefined) return this.side.lost?.(code);
    if (account.user !== this) return;
    this.unread();
    account.user = undefined;
    if (code === 1012) this.side.moved?.();
    account.replay = [];
    account.repeats = 0;
    const resumable = this.subject === "server" ? account.lasting && account.begun : account.token !== undefined;
    if (endsConnection(code) || !resumable) account.end();
  }

  /** Once all is quiet: what came of what the subject was told since the last time. `gone` is a socket lost otherwise. */
  judge(gone: boolean): void {
    const { verdict, closing } = this;
    this.verdict = "fine";
    this.least = undefined;
    const { account } = this;
    if (account?.user === this) account.book.settle();
    if (closing === undefined) {
      if (!gone) this.#judgeOpen(verdict);
      return;
    }
    const { code, reason } = closing;
    if (this.#judged) return;
    this.#judged = true;
    if (this.side.leaves && code !== 1000) throw new Crash("takeover", `closed with ${code} ${reason}, not 1000`);
    if (verdict !== "fine" || this.loose) return;
    // A client also closes with this code what says nothing in time.
    const late = reason.startsWith("No ");
    if (BREACHES[this.subject].has(code) && !late) {
      throw new Crash("verdict", `closed with ${code} ${reason} for what is no breach`);
    }
  }

  #judgeOpen(verdict: Verdict): void {
    const { account } = this;
    if (verdict === "breach") throw new Crash("verdict", "a breach that is taken");
    if (this.superseded) throw new Crash("takeover", "an older socket that is left open");
    if (this.side.leaves) throw new Crash("takeover", "another socket that is kept for nothing");
    if (account === undefined || account.user !== this || !this.welcomed) return;
    if (account.replay.length > 0) throw new Crash("replay", `${account.replay.length} frames are missing`);
    const overdue = account.vague ? undefined : account.overdue(this.options.now(), this.options.held);
    if (overdue !== undefined) throw new Crash("acknowledgement", `none by a ${this.subject} for ${overdue}`);
    const expect = account.book.missing;
    // It may have to wait until something is acknowledged, or have been lost with its call.
    if (
      expect === undefined ||
      account.inFlight.length > 0 ||
      (account.knows && account.lasting && account.kept.length > 0)
    )
      return;
    throw new Crash("no answer", `where ${expect} is due`);
  }
}
