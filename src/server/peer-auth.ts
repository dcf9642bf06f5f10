import { Gate } from "../connection/gate.ts";
import type { Traffic } from "../connection/link.ts";
import type { ServerLink } from "../connection/server-link.ts";
import type { ConnectionHandle } from "../service/contexts.ts";
import type { Session } from "../session/session.ts";
import { PROTOCOL_ERROR, REFUSED, type CloseCode } from "../wire/close-codes.ts";
import type { Timer } from "../wire/clock.ts";
import { isPrismError, WireError } from "../wire/errors.ts";
import type { Limits } from "../wire/limits.ts";
import { MAX_NUMBER } from "../wire/numbers.ts";
import type { ServerClock } from "./clock.ts";
import type { Authenticate } from "./options.ts";
import type { Reports } from "./reports.ts";

/** What authentication needs of the app. */
export interface PeerAuthOwner {
  readonly authenticate: Authenticate<never> | undefined;
  readonly clock: ServerClock;
  readonly limits: Limits;
  readonly reports: Reports;
}

interface Verdict {
  readonly expires?: number | Date | undefined;
  readonly state?: unknown;
}

/** No token is good for longer than ten years, in ms: what is more is not a time from now. */
const LONGEST = 315_360_000_000;

/** A peer, as its authentication sees it. */
export interface AuthSubject extends ConnectionHandle {
  readonly wire: Traffic;
  readonly session: Session;
  /** Services hear of it, if they have not yet. */
  begin(): void;
  /** Closes it with a code. */
  shut(code: CloseCode, reason: string): void;
}

/** How long before a token expires its client is asked for the next one, in ms; half of a shorter life. */
const MARGIN = 60_000;

/** The authentication of one peer: from the welcome to the first verdict, and again whenever it sends a token. */
export class PeerAuth {
  readonly #peer: AuthSubject;
  readonly #link: ServerLink;
  readonly #owner: PeerAuthOwner;
  /** Holds back what comes before the verdict. */
  #gate: Gate | undefined;
  #judging = false;
  #begun: boolean;
  #stopped = false;
  #timer: Timer | undefined;

  /**
   * @param peer the peer
   * @param link its link
   * @param owner the app
   * @param begun whether services have heard of the peer
   */
  constructor(peer: AuthSubject, link: ServerLink, owner: PeerAuthOwner, begun: boolean) {
    this.#peer = peer;
    this.#link = link;
    this.#owner = owner;
    this.#begun = begun;
  }

  /** Waits for the first token: nothing reaches a service before it. */
  expect(): void {
    this.#close();
    // A client gives its own function as long as the handshake, and tries again then; it must not be refused before.
    const { handshake, patience } = this.#owner.limits;
    this.#within(Math.min(handshake + patience, MAX_NUMBER), "No token in time");
  }

  /**
   * Takes a token.
   *
   * @throws {WireError} if one before it has no verdict yet
   */
  take(token: unknown): void {
    const { authenticate, limits } = this.#owner;
    if (this.#judging) throw new WireError(PROTOCOL_ERROR, "Token before the verdict");
    // Nobody here asks for it, and the client waits for a word.
    if (authenticate === undefined) return this.#link.post('${"auth":true}');
    if (token !== null && typeof token !== "string") throw new WireError(REFUSED, "Token is not a string");
    this.#judging = true;
    this.#close();
    this.#within(limits.handshake, "Authentication took too long");
    const peer = this.#peer;
    // An async function, so that one that throws is one that rejects.
    (async () => authenticate(token ?? undefined, peer as never, peer.session as never))()
      .then((verdict) => this.#accept(verdict))
      .catch((error: unknown) => this.#refuse(error));
  }

  /** The peer, or its link, is gone: what is said of its token no longer counts. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #close(): void {
    // Of somebody unknown no more is kept than one packet.
    const { held, packet } = this.#owner.limits;
    this.#gate ??= new Gate(this.#link, this.#peer.wire, this.#begun ? held : packet);
  }

  #accept(verdict: Verdict | void): void {
    if (this.#stopped) return;
    // Whoever has nothing to add returns nothing; false, null and the like are no.
    if (verdict !== undefined && (typeof verdict !== "object" || verdict === null)) {
      return this.#peer.shut(REFUSED, "Unauthorized");
    }
    const { expires, state } = verdict ?? {};
    this.#judging = false;
    this.#timer?.cancel();
    if (state !== undefined) this.#peer.state = state as Record<string, unknown>;
    const left = expires instanceof Date ? expires.getTime() - this.#owner.clock.wall() : expires;
    // Date.now() and the like, where a time from now is due.
    if (left !== undefined && left > LONGEST && left < Infinity) {
      return this.#refuse(new RangeError(`A token expires in ${left} ms: give a Date for a moment`));
    }
    if (left !== undefined && !(left > 0)) return this.#peer.shut(REFUSED, "Token expired");
    const known =
      left === undefined || left === Infinity ? undefined : Math.min(Math.max(1, Math.floor(left)), MAX_NUMBER);
    this.#link.post(`$${JSON.stringify({ auth: true, expires: known })}`);
    if (known !== undefined) this.#watch(known);
    const gate = this.#gate;
    this.#gate = undefined;
    this.#begun = true;
    this.#peer.begin();
    gate?.open();
  }

  #refuse(error: unknown): void {
    if (this.#stopped) return;
    const expected = isPrismError(error);
    if (!expected) this.#owner.reports.failed("Authentication failed", error, { connection: this.#peer.id });
    this.#peer.close(expected ? error.message : "Unauthorized");
  }

  /** Asks for the next token in time, and closes where none comes. */
  #watch(expires: number): void {
    const margin = Math.max(1, Math.floor(Math.min(MARGIN, expires / 2)));
    this.#timer = this.#owner.clock.setTimer(() => {
      this.#link.post(`$${JSON.stringify({ expires: margin })}`);
      this.#within(margin, "Token expired");
    }, expires - margin);
  }

  #within(ms: number, reason: string): void {
    this.#timer?.cancel();
    this.#timer = this.#owner.clock.setTimer(() => this.#peer.shut(REFUSED, reason), ms);
  }
}
