import { createStorage } from "unstorage";
import type { Clock } from "../wire/clock.ts";
import { randomId } from "../wire/random-id.ts";
import type { SessionBus } from "./bus.ts";
import { SessionCookie } from "./cookie.ts";
import type { LiveSession, SessionHolder } from "./live-session.ts";
import { openStore } from "./open-store.ts";
import { isProduction, toSecrets, toSessionLimits, type SessionOptions } from "./options.ts";
import { PatientStore } from "./patient-store.ts";
import { SessionRecords } from "./session-records.ts";
import { SessionTime } from "./session-time.ts";
import { SessionWatch } from "./session-watch.ts";
import { Sessions } from "./sessions.ts";
import { Signer } from "./signature.ts";

/** What sessions need of their surroundings. */
export interface SessionSurroundings {
  readonly clock: Clock;
  /** Wall-clock time now, in ms since 1970. */
  readonly wall: number;
  /** Whether browsers come over https, where the app says so. */
  readonly https?: boolean | undefined;
  /** Tells of the sessions of other servers. */
  readonly bus?: SessionBus | undefined;
  /** Hears of what should be otherwise. Never throws. */
  warn(message: string, error?: unknown): void;
}

/** The session that a request came with, or a new one. */
export interface Arrived {
  readonly live: LiveSession;
  /** Whether its client has a cookie of it. */
  readonly known: boolean;
  /** Whether that cookie was signed with a secret that is on its way out. */
  readonly renew: boolean;
  /** Whether the client is about to fetch another cookie, and should come again with it. */
  readonly moving: boolean;
}

/** From cookies to sessions: the sessions of one app. */
export class SessionGate {
  readonly sessions: Sessions;
  readonly cookie: SessionCookie;
  readonly signer: Signer;
  /** Whether live connections' sessions are kept in memory, rather than read for each message. */
  readonly cached: boolean;
  /** Whether browsers come over https, as far as the app says. */
  readonly https: boolean | undefined;
  readonly #watch: SessionWatch;

  /**
   * @param options the app's
   * @param surroundings time, and who hears of trouble
   * @throws {TypeError} for an option that cannot be
   * @throws {RangeError} for a time or size that cannot be
   */
  constructor(options: SessionOptions, { clock, wall, https, warn, bus }: SessionSurroundings) {
    const limits = toSessionLimits(options);
    const production = isProduction();
    const store = openStore(options.storage ?? createStorage());
    if (production && options.storage === undefined) {
      warn("Sessions are kept in memory: they are lost with the process, and no other server has them");
    }
    this.signer = new Signer(toSecrets(options, { production, shared: store.shared }, randomId, warn));
    this.cookie = new SessionCookie(options.cookie ?? {}, limits.ttl);
    const { cache = true } = options;
    if (cache === "coherent" && bus === undefined) {
      throw new TypeError("Coherent sessions need a broker: prism({ broker: redis(…) })");
    }
    this.cached = cache !== false;
    this.https = this.cookie.secure ?? https;
    const time = new SessionTime(clock, wall, limits);
    const records = new SessionRecords(new PatientStore(store, clock, limits.timeout, warn), time);
    this.sessions = new Sessions(records, time, bus, cache === "coherent");
    this.#watch = new SessionWatch(this.sessions, records, store);
  }

  /**
   * The session of a request's cookie; a new one where there is none, or none that is good.
   *
   * @param header the request's `cookie` header
   * @param https whether it came over https
   * @param holder has the session from now on, until it lets go of it
   * @throws {PrismError} `unavailable`
   */
  async arrive(header: string | null, https: boolean, holder: SessionHolder): Promise<Arrived> {
    this.#watch.start();
    let moving = false;
    for (const value of this.cookie.read(header, https)) {
      const unsigned = await this.signer.unsign(value);
      if (unsigned === undefined) continue;
      const live = await this.sessions.open(unsigned.id, holder);
      if (typeof live !== "string") return { live, known: true, renew: unsigned.old, moving: false };
      moving ||= live === "moving";
    }
    return { live: this.sessions.begin(holder), known: false, renew: false, moving };
  }

  /**
   * The session of an id that somebody else has taken from a cookie of ours: see `Sessions.open`.
   *
   * @throws {PrismError} `unavailable`
   */
  open(id: string, holder: SessionHolder): Promise<LiveSession | "dead" | "moving"> {
    this.#watch.start();
    return this.sessions.open(id, holder);
  }

  /** The `set-cookie` header for a session. */
  async writeCookie(id: string, https: boolean): Promise<string> {
    return this.cookie.write(await this.signer.sign(id), https);
  }

  /**
   * Trades a ticket for the cookie of a session's new id.
   *
   * @returns the `set-cookie` header, or `undefined` where the ticket is not good, or not with these cookies
   * @throws {PrismError} `unavailable`
   */
  async redeem(header: string | null, https: boolean, ticket: string): Promise<string | undefined> {
    for (const value of this.cookie.read(header, https)) {
      const unsigned = await this.signer.unsign(value);
      const id = unsigned && (await this.sessions.redeem(unsigned.id, ticket));
      if (id !== undefined) return this.writeCookie(id, https);
    }
    return undefined;
  }

  /** Lets go of timers. */
  stop(): void {
    this.#watch.stop();
  }
}
