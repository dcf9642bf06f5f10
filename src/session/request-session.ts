import { PrismError } from "../wire/errors.ts";
import type { LiveSession, SessionEnd } from "./live-session.ts";
import type { Session } from "./session.ts";
import type { SessionGate } from "./session-gate.ts";
import { OwnSession } from "./own-session.ts";
import type { SessionOwner } from "./session-view.ts";

/** The session of one HTTP request, until it is answered. */
export interface RequestSession<Data = Record<string, unknown>> {
  /** The session: that of the request's cookie, or a new one. */
  readonly session: Session<Data>;
  /**
   * Stores what has changed, and lets go of the session. To be called once, before the response is sent, also where
   * its handler failed.
   *
   * @returns the `set-cookie` header that the response has to carry, if any
   * @throws {PrismError} as `Session.save` does; `unavailable` also where the client is about to get another cookie
   */
  finish(): Promise<string | undefined>;
}

/**
 * Opens the session of a request.
 *
 * @param gate the app's sessions
 * @param header the request's `cookie` header
 * @param https whether it came over https
 * @returns its session
 * @throws {PrismError} `unavailable` if the store failed or took too long
 */
export async function openRequestSession(
  gate: SessionGate,
  header: string | null,
  https: boolean,
): Promise<RequestSession> {
  const visit = new Visit(gate, https);
  const { live, known, renew, moving } = await gate.arrive(header, https, visit);
  visit.live = live;
  live.handedOut = known;
  visit.moving = moving;
  visit.sent = known && !renew ? live.id : undefined;
  return visit;
}

class Visit implements RequestSession, SessionOwner {
  live!: LiveSession;
  /** The id of the request's cookie, if its client need not get it again. */
  sent: string | undefined;
  /** Whether another cookie is on its way to the client, which this one's must not take the place of. */
  moving = false;
  readonly activity = 0;
  readonly session: OwnSession;
  readonly #gate: SessionGate;
  readonly #https: boolean;
  #destroyed = false;
  #over = false;

  constructor(gate: SessionGate, https: boolean) {
    this.#gate = gate;
    this.#https = https;
    this.session = new OwnSession(gate.sessions, this);
  }

  moved(live: LiveSession): void {
    this.live = live;
    // The response did not wait for it.
    if (this.#over) this.#gate.sessions.release(live, this);
  }

  ended(_end: SessionEnd, own: boolean): void {
    this.#destroyed = own;
  }

  async finish(): Promise<string | undefined> {
    const { sessions, cookie } = this.#gate;
    try {
      const { changed } = this.session;
      if (this.moving && (changed || this.#destroyed || this.live.version > 0)) throw moving();
      if (this.live.end === undefined && changed) await this.session.save();
      if (this.#destroyed) return cookie.write(undefined, this.#https);
      // Whoever has ended it sees to the cookie. An empty session is not stored, and its client needs none.
      if (this.live.end !== undefined || this.live.version === 0 || this.live.id === this.sent) return undefined;
      this.live.handedOut = true;
      return await this.#gate.writeCookie(this.live.id, this.#https);
    } finally {
      this.#over = true;
      sessions.release(this.live, this);
    }
  }
}

function moving(): PrismError {
  return new PrismError("unavailable", "The session is about to get a new cookie");
}
